"""Events that are laid out otherwise, read where a file says that their fields stand."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support import reading
from support_service.sources import MappingError, ShopEvent, mappings_in

DOCUMENTED = Path(__file__).parents[3] / "docs" / "events.md"
TOPIC = "order.status.changed"
MESSAGE: dict[str, Any] = {
    "meta": {"id": "m-1", "updated_ms": 1_780_315_200_123},
    "order": {"number": "A-7", "state": "DONE", "total": "129.90", "currency": "BRL", "lines": [{"n": 1}]},
}
HEADERS = (("Customer", b"c-9"),)


def documented() -> dict[str, Any]:
    """The mapping in the documentation."""
    return tomllib.loads(DOCUMENTED.read_text("utf-8").split("```toml\n")[1].split("```")[0])


def read(message: object, mapping: dict[str, Any] | None = None) -> ShopEvent:
    return reading.event(TOPIC, json.dumps(message).encode(), HEADERS, mappings=mappings_in(mapping or documented()))


def test_the_documented_mapping_reads_a_message_of_that_layout() -> None:
    event = read(MESSAGE)
    assert event.event_id == "m-1"
    fact = event.fact
    assert (fact.order_id, fact.customer_id, fact.version) == ("A-7", "c-9", 1_780_315_200)
    assert fact.occurred_at == datetime(2026, 6, 1, 12, 0, 0, 123000, UTC)
    assert fact.kind == "order.delivered"
    assert (fact.data["amount_minor"], fact.data["currency"], fact.data["items"]) == (12990, "BRL", None)


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("order.number", "A-7", "A-7"),
        ({"path": "order.number", "as": "text"}, 7, "7"),
        ("order.lines.1.id", "A-7", "A-7"),
    ],
)
def test_a_field_is_found_by_its_path(place: object, value: object, expected: str) -> None:
    mapping = documented()
    mapping[TOPIC]["order_id"] = place
    order = {**MESSAGE["order"], "number": value, "lines": [{}, {"id": value}]}
    assert read({**MESSAGE, "order": order}, mapping).fact.order_id == expected


@pytest.mark.parametrize(
    ("as_", "told", "minor"), [("minor_units", 12.9, 1290), ("minor_units", "-0.05", -5), ("it_is", 5, 5)]
)
def test_an_amount_is_read_exactly(as_: str, told: object, minor: int) -> None:
    mapping = documented()
    mapping[TOPIC]["data"]["amount_minor"] = {"path": "order.total", "as": as_}
    found = read({**MESSAGE, "order": {**MESSAGE["order"], "total": told}}, mapping)
    assert found.fact.data["amount_minor"] == minor


@pytest.mark.parametrize(
    ("field", "as_", "told"), [("version", "seconds", "2026-06-01T12:00:00+00:00"), ("time", "time_from_s", 1780315200)]
)
def test_times_are_read_from_text_and_from_seconds(field: str, as_: str, told: object) -> None:
    mapping = documented()
    mapping[TOPIC][field] = {"path": "meta.other", "as": as_}
    fact = read({**MESSAGE, "meta": {**MESSAGE["meta"], "other": told}}, mapping).fact
    assert fact.version == 1_780_315_200
    assert fact.occurred_at.replace(microsecond=0) == datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "value", "reason"),
    [
        (("meta", "id"), None, "invalid-event_id"),
        (("meta", "updated_ms"), "never", "invalid-version"),
        (("order", "number"), 7, "invalid-order_id"),
        (("order", "state"), "Lost At Sea", "invalid-status"),
        (("order", "total"), "12.345", "invalid-amount_minor"),
        (("order", "total"), "many", "invalid-amount_minor"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(where: tuple[str, str], value: object, reason: str) -> None:
    part, field = where
    message = json.dumps({**MESSAGE, part: {**MESSAGE[part], field: value}}).encode()
    assert reading.told(TOPIC, message, HEADERS, mappings=mappings_in(documented())) == reason


def test_a_value_that_is_not_json_is_refused() -> None:
    assert reading.told(TOPIC, b"{", mappings=mappings_in(documented())) == "not-json"


def test_every_fault_of_a_mapping_is_told() -> None:
    mapping = documented()
    mapping["order.shipped"] = mapping[TOPIC]
    mapping[TOPIC]["data"] = {"colour": "x", "status": {"path": "s", "values": {"A": "teleported"}}}
    mapping["shipment.status.changed"] = documented()[TOPIC]
    with pytest.raises(MappingError) as refused:
        mappings_in(mapping)
    told = str(refused.value)
    assert "order.shipped: there is no such event; there are fraud.alert, order.status.changed" in told
    assert "order.status.changed: data has no colour" in told
    assert "order.status.changed: teleported is no status of an order" in told
    assert "shipment.status.changed: data needs shipment_id" in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"event_id": 5}, "event_id"),
        ({"time": {"path": "a", "as": "moon phase"}}, "time"),
        ({"colour": "a"}, "colour"),
        ({"data": None}, "data"),
    ],
)
def test_a_mapping_of_another_shape_is_refused(change: dict[str, Any], says: str) -> None:
    mapping = documented()
    mapping[TOPIC] |= change
    with pytest.raises(MappingError, match=says):
        mappings_in(mapping)
