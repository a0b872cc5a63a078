"""`support-service trino apply --print`: what would be done to Trino, without asking it."""

import pytest

from support_service.entrypoints.trino import apply_views

TABLES = (
    "order=orders.shop.o,payment=payments.shop.p,shipment=shipments.shop.s,fraud=fraud.shop.f,feedback=feedback.shop.b"
)


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setenv("TRINO_VIEW", "support.analytics.vw_support_case_timeline")
    monkeypatch.setenv("TRINO_TABLES", TABLES)


def test_the_statements_are_printed_alone_for_review_and_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply_views(print_only=True) == 0
    statements = capsys.readouterr().out.strip().split(";\n\n")
    assert len(statements) == 6
    for statement, table in zip(statements, TABLES.split(","), strict=False):
        source, _, name = table.partition("=")
        assert f"VIEW support.analytics.vw_support_case_timeline_{source} COMMENT 'support-service " in statement
        assert f"FROM {name}" in statement
    assert statements[-1].count("UNION ALL") == 4


def test_printed_twice_they_are_the_same_and_another_table_changes_one_comment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_views(print_only=True)
    first = capsys.readouterr().out
    apply_views(print_only=True)
    assert capsys.readouterr().out == first
    monkeypatch.setenv("TRINO_TABLES", TABLES.replace("fraud.shop.f", "fraud.shop.g"))
    apply_views(print_only=True)
    other = capsys.readouterr().out
    comments = [[line for line in text.splitlines() if "COMMENT" in line] for text in (first, other)]
    assert sum(a != b for a, b in zip(*comments, strict=True)) == 1


@pytest.mark.parametrize("tables", ["", "order=orders.shop.o", f"{TABLES},order2=x.y.z"])
def test_a_source_without_its_table_or_a_table_without_its_source_is_refused(
    tables: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRINO_TABLES", tables)
    assert apply_views(print_only=True) == 1
    assert "TRINO_TABLES" in capsys.readouterr().out


def test_without_an_address_nothing_is_applied(capsys: pytest.CaptureFixture[str]) -> None:
    assert apply_views(print_only=False) == 1
    assert "TRINO_URL" in capsys.readouterr().out
