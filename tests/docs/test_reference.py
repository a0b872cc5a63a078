"""The reference pages name everything there is: every setting, metric and command."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from typer.main import get_command

import support_service.entrypoints.http
import support_service.entrypoints.worker  # noqa: F401 - importing the processes registers their metrics
from support_service.config import Settings
from support_service.demo.generate import generate
from support_service.entrypoints.cli import app

DOCS = Path(__file__).resolve().parents[2] / "docs"


def metric_names() -> list[str]:
    collected = [metric for metric in REGISTRY.collect() if metric.name.startswith("support_")]
    return sorted(metric.name + ("_total" if metric.type == "counter" else "") for metric in collected)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_explained_with_its_own_description(name: str) -> None:
    row = f"| `{name.upper()}` |"
    line = next((line for line in (DOCS / "settings.md").read_text("utf-8").splitlines() if line.startswith(row)), "")
    assert line.endswith(f"| {Settings.model_fields[name].description} |")


def test_no_setting_is_explained_that_there_is_not() -> None:
    named = re.findall(r"^\| `([A-Z_]+)` \| ", (DOCS / "settings.md").read_text("utf-8"), re.MULTILINE)
    assert {name.lower() for name in named} - {"secrets_dir"} == set(Settings.model_fields)


def test_every_metric_is_explained() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")
    names = metric_names()
    assert len(names) > 20
    assert [name for name in names if f"`{name}" not in page] == []


def test_no_metric_is_explained_that_there_is_not() -> None:
    named = set(re.findall(r"`(support_[a-z_]+)[`{]", (DOCS / "operations.md").read_text("utf-8")))
    assert named - set(metric_names()) == set()


def test_every_command_is_in_the_readme() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    commands = [name for name, command in get_command(app).commands.items() if not command.hidden]  # type: ignore[attr-defined]
    assert [name for name in commands if f"support-service {name}" not in readme] == []


def test_the_readmes_example_names_an_order_that_the_demo_has_whenever_it_is_started() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    named = re.search(r'"customer_id": "([^"]+)", "order_id": "([^"]+)"', readme)
    assert named is not None
    for start in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 7, 31, 23, tzinfo=UTC)):
        _, facts = generate(7, start)
        assert {fact.customer_id for fact in facts if fact.order_id == named[2]} == {named[1]}
