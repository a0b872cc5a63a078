"""No released request and no released answer may change so that a client made for it is at a loss."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tools.contracts.__main__ import judge_api, write_api
from tools.contracts.api import api_breaks, document

CONTRACTS = Path(__file__).parents[3] / "contracts"
API = document()
CASES, CASE = "/support/cases", "/support/cases/{ticket_id}"

Change = Callable[[dict[str, Any]], object]


def schema(api: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = api["components"]["schemas"][name]
    return found


def without(name: str, field: str) -> Change:
    def change(api: dict[str, Any]) -> None:
        del schema(api, name)["properties"][field]
        schema(api, name)["required"] = [one for one in schema(api, name).get("required", ()) if one != field]

    return change


def becomes(name: str, field: str, **told: Any) -> Change:
    return lambda api: schema(api, name)["properties"].update({field: told})


def needs(name: str, field: str) -> Change:
    return lambda api: schema(api, name)["required"].append(field)


def parameters(api: dict[str, Any], path: str, method: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api["paths"][path][method]["parameters"]
    return found


BREAKING: list[Change] = [
    lambda api: api["paths"].pop(CASES),
    lambda api: api["paths"][CASE].pop("patch"),
    lambda api: api["paths"][CASE]["get"]["responses"].pop("404"),
    lambda api: api["paths"][CASES]["post"]["responses"]["201"]["content"].pop("application/json"),
    lambda api: api["paths"][CASES]["post"]["requestBody"]["content"].pop("application/json"),
    lambda api: parameters(api, CASE, "get").pop(),
    lambda api: parameters(api, CASE, "patch").append(
        {"in": "header", "name": "X-Reason", "required": True, "schema": {"type": "string"}}
    ),
    lambda api: parameters(api, CASES, "post")[0].update(required=True),
    lambda api: api["paths"]["/support/agents/me"]["get"].update(
        requestBody={"content": {"application/json": {"schema": {"type": "object"}}}}
    ),
    without("TicketCreate", "contact"),
    without("TicketCreate", "subject"),
    needs("TicketCreate", "language"),
    becomes("TicketCreate", "customer_id", type="integer"),
    lambda api: schema(api, "TicketCreate")["properties"]["subject"].update(maxLength=20),
    lambda api: schema(api, "Channel")["enum"].remove("WEB"),
    lambda api: schema(api, "Status")["enum"].append("PAUSED"),
    without("TicketResponse", "reference"),
    without("TimelineEntry", "summary"),
    becomes("TimelineEntry", "version", type="string"),
    lambda api: schema(api, "TimelineSource")["required"].remove("as_of"),
    lambda api: schema(api, "ProblemBody")["properties"].pop("detail"),
    becomes("ConversationMessage", "number", type="string"),
]


def test_what_is_released_is_what_is_served() -> None:
    assert judge_api(API, CONTRACTS) == []


@pytest.mark.parametrize("number", range(len(BREAKING)))
def test_a_breaking_change_is_found_and_not_written(number: int, tmp_path: Path) -> None:
    write_api(API, tmp_path)
    changed = copy.deepcopy(API)
    BREAKING[number](changed)
    assert list(api_breaks(API, changed))
    write_api(changed, tmp_path)
    assert judge_api(API, tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda api: api["paths"].update({"/support/more": {"get": {"responses": {}}}}),
        lambda api: parameters(api, CASES, "get").append({"in": "query", "name": "tag", "schema": {"type": "string"}}),
        becomes("TicketCreate", "origin", type="string"),
        becomes("TicketResponse", "origin", type="string"),
        needs("TicketResponse", "origin"),
        lambda api: schema(api, "TicketCreate")["required"].remove("subject"),
        lambda api: api["paths"][CASE]["get"]["responses"].update({"418": {"description": "Too many"}}),
    ],
)
def test_what_leaves_every_client_as_it_was_is_no_breaking_change(change: Change) -> None:
    changed = copy.deepcopy(API)
    change(changed)
    assert list(api_breaks(API, changed)) == []
    assert judge_api(changed, CONTRACTS) == ["openapi.json is stale: run .venv/bin/python -m tools.contracts write"]


def test_the_document_of_an_earlier_version_is_kept_and_held_to(tmp_path: Path) -> None:
    write_api(API, tmp_path)
    later = copy.deepcopy(API)
    later["info"]["version"] = "99.0.0"
    schema(later, "TicketResponse")["properties"]["origin"] = {"type": "string"}
    write_api(later, tmp_path)
    assert judge_api(later, tmp_path) == []
    assert [path.stem for path in (tmp_path / "openapi").iterdir()] == [API["info"]["version"]]
    without("TicketResponse", "reference")(later)
    assert any(f"since version {API['info']['version']}" in wrong for wrong in judge_api(later, tmp_path))
