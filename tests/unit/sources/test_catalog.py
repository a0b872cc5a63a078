"""The sources as they are declared: the view they make, what of them is personal, how they read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from support_service.kit.privacy import DataClass
from support_service.ports.lake import LakeRow
from support_service.sources import SOURCES, Fact, masked, summary, timeline_view_sql
from support_service.sources.catalog import BY_NAME
from support_service.sources.errors import MalformedRow
from support_service.sources.ownership import may_see, owners_told

TABLES = {source.name: f"pg.shop.{source.name}_history" for source in SOURCES}


def fact(source: str, customer_id: str | None = "c1", version: int = 1, **data: Any) -> Fact:
    whole = dict.fromkeys(BY_NAME[source].data_keys) | {"status": "created", "time_known": True} | data
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Fact(source, "e1", customer_id, "o1", version, f"{source}.{whole['status']}", at, whole)


def test_every_field_of_a_payload_says_which_class_of_data_it_is() -> None:
    for source in SOURCES:
        for name, field in source.row.model_fields.items():
            assert sum(isinstance(mark, DataClass) for mark in field.metadata) == 1, f"{source.name}.{name}"


def test_exactly_what_tells_of_a_person_is_masked() -> None:
    assert {source.name: source.personal_keys for source in SOURCES if source.personal_keys} == {
        "shipment": {"tracking_number"},
        "feedback": {"title", "comment"},
    }
    told = fact("feedback", status="answered", score=1, title="Tên tôi là An", comment="0912345678")
    hidden = masked(told)
    assert hidden == told._replace(data=told.data | {"title": None, "comment": None})
    assert summary(hidden) == "Feedback answered: 1 of 5"
    assert "An" not in repr(hidden.data) + summary(hidden)


def test_the_keys_of_data_are_those_that_every_reader_knows() -> None:
    assert {source.name: source.data_keys for source in SOURCES} == {
        "order": ("status", "items", "amount_minor", "currency", "estimated_delivery", "time_known"),
        "payment": ("status", "method", "installments", "amount_minor", "currency", "time_known"),
        "shipment": (
            "status", "carrier", "tracking_number", "seller", "items", "estimated_delivery", "time_known",
        ),
        "fraud": ("status", "rule", "score", "time_known"),
        "feedback": ("status", "score", "title", "comment", "time_known"),
    }  # fmt: skip


def test_a_source_is_named_in_one_way_only() -> None:
    for attribute in ("name", "entity", "service", "topic"):
        values = [getattr(source, attribute) for source in SOURCES if getattr(source, attribute) is not None]
        assert len(values) == len(set(values))


def test_the_view_unites_every_source_from_its_table() -> None:
    sql = timeline_view_sql(TABLES)
    assert sql.count("UNION ALL") == len(SOURCES) - 1
    assert all(f"FROM {table}" in sql for table in TABLES.values())
    assert "{" not in sql


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {**TABLES, "returns": "x"},
        {**TABLES, "order": "x; DROP TABLE y"},
        {**TABLES, "order": "x y"},
        {**TABLES, "order": ""},
    ],
)
def test_a_view_needs_one_plain_table_for_every_source(tables: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="table"):
        timeline_view_sql(tables)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (fact("order"), "Order created"),
        (
            fact("order", items=1, amount_minor=12990, currency="BRL", estimated_delivery="2026-03-09"),
            "Order created: 1 item, 129.90 BRL, expected by 2026-03-09",
        ),
        (
            fact("order", status="delivered", items=2, estimated_delivery="2026-03-09"),
            "Order delivered: 2 items",
        ),
        (
            fact(
                "payment", status="captured", method="credit_card", amount_minor=250000, currency="VND", installments=3
            ),
            "Payment captured: 250000 VND, by credit card, in 3 installments",
        ),
        (fact("payment", amount_minor=-5, currency="KWD", installments=1), "Payment created: -0.005 KWD"),
        (fact("payment", amount_minor=100), "Payment created: 1.00"),
        (
            fact("shipment", status="out_for_delivery", carrier="GHN", tracking_number="X1", items=2),
            "Shipment out for delivery: 2 items, with GHN, tracking number X1",
        ),
        (fact("fraud", status="raised", rule="many_cards", score=0), "Fraud alert raised: many cards, score 0 of 100"),
        (fact("feedback", status="answered", score=5, title="Tốt"), "Feedback answered: 5 of 5, Tốt"),
        (fact("shipment", status="held_by_customs"), "Shipment held by customs"),
    ],
)
def test_a_fact_reads_as_a_plain_sentence(told: Fact, text: str) -> None:
    assert summary(told) == text


@pytest.mark.parametrize("data", ["", "{", "[]", "null", '{"status": "a\\u0000b"}'])
def test_a_row_of_the_lake_whose_data_is_unusable_is_malformed(data: str) -> None:
    row = LakeRow("order", "o1", None, "o1", 1, "order.created", datetime(2026, 1, 1, tzinfo=UTC), data)
    with pytest.raises(MalformedRow):
        BY_NAME["order"].from_lake(row)


def test_an_order_is_whose_the_order_service_says_last() -> None:
    told = [fact("payment", "c9"), fact("order", "c1", 1), fact("order", "c2", 2), fact("order", None, 3)]
    assert owners_told(told) == owners_told(reversed(told)) == {"o1": "c2"}
    assert owners_told([fact("payment", "c9"), fact("feedback", "c8")]) == {"o1": "c9"}
    assert owners_told([fact("payment", None)]) == {}


def test_a_fact_is_shown_to_its_customer_and_one_of_nobody_to_the_orders_owner_or_whoever_asks() -> None:
    assert may_see("c1", fact("payment", "c1"), {})
    assert not may_see("c1", fact("payment", "c2"), {})
    assert not may_see("c1", fact("payment", None), {"o1": "c2"})
    assert may_see("c1", fact("payment", None), {"o1": "c1"})
    assert may_see("c1", fact("payment", None), {})
