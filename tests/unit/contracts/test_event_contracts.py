"""No released event may change so that a reader of one version could not read another."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tools.contracts.__main__ import judge, versions, write
from tools.contracts.compatibility import breaks
from tools.contracts.events import asyncapi, event_types, schema_of

CONTRACTS = Path(__file__).parents[3] / "contracts"
SCHEMAS = {event.type_: schema_of(event) for event in event_types()}
OPENED, CLOSED, ASSIGNED = "support.case.opened", "support.case.closed", "support.case.assigned"
MESSAGE, STATUS, UPDATED = "support.case.message.posted", "support.case.status.changed", "support.case.updated"

Change = Callable[[dict[str, Any]], object]


def of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """A field's own schema, or the one it refers to."""
    field: dict[str, Any] = schema["properties"][name]
    return schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else field


def new_needed(schema: dict[str, Any]) -> None:
    schema["properties"]["region"] = {"type": "string"}
    schema["required"].append("region")


def becomes(name: str, **field: Any) -> Change:
    return lambda schema: schema["properties"].update({name: field})


def without(name: str) -> Change:
    def change(schema: dict[str, Any]) -> None:
        del schema["properties"][name]
        schema["required"].remove(name)

    return change


BREAKING: list[tuple[str, Change]] = [
    (OPENED, without("ticket_id")),
    (OPENED, without("customer_id")),
    (OPENED, new_needed),
    (OPENED, lambda schema: schema["required"].remove("channel")),
    (OPENED, becomes("customer_id", type="integer")),
    (OPENED, becomes("ticket_id", type="string")),
    (OPENED, becomes("order_id", type="string", **{"x-data-class": "none"})),
    (OPENED, lambda schema: of(schema, "channel")["enum"].remove("WEB")),
    (OPENED, lambda schema: of(schema, "channel")["enum"].append("PIGEON")),
    (OPENED, lambda schema: of(schema, "priority")["enum"].clear()),
    (OPENED, lambda schema: of(schema, "customer_id").update({"x-data-class": "none"})),
    (OPENED, lambda schema: of(schema, "customer_id").update(maxLength=10)),
    (MESSAGE, without("number")),
    (MESSAGE, becomes("internal", type="string")),
    (MESSAGE, lambda schema: of(schema, "author_type")["enum"].append("MACHINE")),
    (STATUS, lambda schema: of(schema, "after")["enum"].append("PAUSED")),
    (CLOSED, becomes("closed_at", type="integer")),
    (CLOSED, new_needed),
    (ASSIGNED, without("assignee")),
    (ASSIGNED, lambda schema: schema["required"].remove("team")),
    (UPDATED, becomes("fields", type="string")),
    (UPDATED, lambda schema: of(schema, "fields")["items"].update(type="integer")),
]


def test_what_is_released_is_what_is_published_and_every_version_can_be_read() -> None:
    assert judge(SCHEMAS, CONTRACTS) == []
    assert OPENED in SCHEMAS


@pytest.mark.parametrize("number", range(len(BREAKING)))
def test_a_breaking_change_is_found(number: int) -> None:
    type_, change = BREAKING[number]
    changed = copy.deepcopy(SCHEMAS)
    change(changed[type_])
    assert any(type_ in line and "since version 1" in line for line in judge(changed, CONTRACTS))


def test_an_event_that_is_gone_is_found() -> None:
    rest = {type_: schema for type_, schema in SCHEMAS.items() if type_ != OPENED}
    assert f"{OPENED} was released, and is gone" in judge(rest, CONTRACTS)


def test_a_field_that_need_not_be_there_may_come_and_go_as_a_new_version(tmp_path: Path) -> None:
    write(SCHEMAS, tmp_path)
    more = copy.deepcopy(SCHEMAS)
    more[OPENED]["properties"]["region"] = {"type": "string", "x-data-class": "none"}
    assert judge(more, tmp_path) != []  # until it is written down
    write(more, tmp_path)
    assert judge(more, tmp_path) == []
    write(SCHEMAS, tmp_path)
    assert judge(SCHEMAS, tmp_path) == []
    assert list(versions(tmp_path, OPENED)) == [1, 2, 3]


def test_a_field_that_went_may_not_come_back_as_another(tmp_path: Path) -> None:
    """FULL_TRANSITIVE: every version is held against, not the last alone."""
    more, other = copy.deepcopy(SCHEMAS), copy.deepcopy(SCHEMAS)
    more[OPENED]["properties"]["region"] = {"type": "string"}
    other[OPENED]["properties"]["region"] = {"type": "integer"}
    for schemas in (SCHEMAS, more, SCHEMAS):
        write(schemas, tmp_path)
    assert any("region" in line and "since version 2" in line for line in judge(other, tmp_path))


def test_a_breaking_change_is_not_written_down(tmp_path: Path) -> None:
    write(SCHEMAS, tmp_path)
    changed = copy.deepcopy(SCHEMAS)
    new_needed(changed[OPENED])
    write(changed, tmp_path)
    assert list(versions(tmp_path, OPENED)) == [1]


def test_words_for_people_may_change() -> None:
    changed = copy.deepcopy(SCHEMAS[OPENED])
    changed["description"] = "Otherwise."
    changed["properties"]["team"]["title"] = "Otherwise"
    assert list(breaks(SCHEMAS[OPENED], changed)) == []


def test_every_field_has_a_data_class_and_none_is_free_text() -> None:
    for schema in SCHEMAS.values():
        assert {field["x-data-class"] for field in schema["properties"].values()} <= {"none", "personal"}


def test_the_document_names_every_event_and_its_references_lead_somewhere() -> None:
    document = asyncapi(SCHEMAS)
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]["events"]["messages"]) == set(SCHEMAS)
    for message in document["components"]["messages"].values():
        assert message["payload"]["$ref"].rpartition("/")[2] in document["components"]["schemas"]
    json.dumps(document)
