"""The pages of the contracts show all there is, and are held to it."""

import json
from pathlib import Path

import pytest
from tools.contracts.__main__ import judge_pages, write_pages

CHECKOUT = Path(__file__).parents[3]
CONTRACTS, DOCS = CHECKOUT / "contracts", CHECKOUT / "docs"


def test_every_event_and_every_field_of_it_is_shown_with_its_data_class() -> None:
    text = (DOCS / "contract-events.md").read_text("utf-8")
    schemas = json.loads((CONTRACTS / "asyncapi.json").read_text("utf-8"))["components"]["schemas"]
    for type_, schema in schemas.items():
        section = text.partition(f"\n## {type_}\n")[2].partition("\n## ")[0]
        for name, field in schema["properties"].items():
            (line,) = [line for line in section.splitlines() if line.startswith(f"| `{name}` |")]
            assert f"| {field['x-data-class']} |" in line


def test_every_route_and_every_answer_of_it_is_shown() -> None:
    text = (DOCS / "contract-api.md").read_text("utf-8")
    for path, methods in json.loads((CONTRACTS / "openapi.json").read_text("utf-8"))["paths"].items():
        for method, route in methods.items():
            section = text.partition(f"\n## {method.upper()} {path}\n")[2].partition("\n## ")[0]
            assert section, path
            assert all(status in section for status in route["responses"])
            assert all(f"`{parameter['name']}`" in section for parameter in route.get("parameters", ()))


@pytest.mark.parametrize("page", ["contract-api.md", "contract-events.md"])
def test_a_page_that_shows_something_else_is_stale(tmp_path: Path, page: str) -> None:
    write_pages(CONTRACTS, tmp_path)
    assert judge_pages(CONTRACTS, tmp_path) == []
    with (tmp_path / page).open("a", encoding="utf-8") as text:
        text.write("And more.\n")
    assert judge_pages(CONTRACTS, tmp_path) == [f"docs/{page} is stale: run .venv/bin/python -m tools.contracts write"]
