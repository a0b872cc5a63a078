"""CloudEvents 1.0 say what the plain envelope says, in the value or in headers."""

import json
from typing import Any

import pytest

from support import reading
from support_service.sources import ShopEvent

TOPIC = "shipment.status.changed"
TIME = "2026-11-24T08:02:03.000004+07:00"
DATA = {"shipment_id": "s-1", "status": "delivered", "carrier": "GHN", "time_known": True}
PLAIN = {
    "event_id": "e-1",
    "type": TOPIC,
    "version": 3,
    "time": TIME,
    "order_id": "o-1",
    "customer_id": "c-1",
    "data": DATA,
}
ATTRIBUTES = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": TOPIC, "time": TIME, "subject": "o-1"}
STRUCTURED = (("Content-Type", b"application/cloudevents+json; charset=UTF-8"),)
IN_DATA = {"version": 3, "customer_id": "c-1"}


def read(value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> ShopEvent:
    return reading.event(TOPIC, value, headers)


def structured(**changes: Any) -> bytes:
    return json.dumps(ATTRIBUTES | {"data": DATA | IN_DATA} | changes).encode()


def binary(**changes: str) -> tuple[tuple[str, bytes], ...]:
    attributes = {f"ce_{name}": value.encode() for name, value in (ATTRIBUTES | changes).items()}
    return (("content-type", b"application/json"), *attributes.items())


def test_structured_and_binary_say_what_the_plain_envelope_says() -> None:
    expected = read(json.dumps(PLAIN).encode())
    assert read(structured(), STRUCTURED) == expected
    assert read(structured()) == expected
    assert read(json.dumps(DATA | IN_DATA).encode(), binary()) == expected


def test_the_order_may_stand_in_the_data_and_the_version_in_the_sequence() -> None:
    expected = read(json.dumps(PLAIN).encode())
    data = DATA | {"order_id": "o-1", "customer_id": "c-1"}
    assert read(structured(subject="shipments/s-1", sequence="3", data=data)) == expected
    headers = binary(subject="shipments/s-1", sequence="3")
    assert read(json.dumps(data).encode(), headers) == expected


def test_names_of_headers_are_the_same_in_any_case() -> None:
    headers = tuple((name.upper(), value) for name, value in binary())
    assert read(json.dumps(DATA | IN_DATA).encode(), headers).event_id == "e-1"


@pytest.mark.parametrize("headers", [(), STRUCTURED])
@pytest.mark.parametrize("also", [{"data": DATA | {"specversion": "1.0"}}, {"specversion": "1.0", "id": "e-2"}])
def test_a_plain_envelope_that_speaks_of_cloudevents_is_a_plain_envelope(
    also: dict[str, Any], headers: tuple[tuple[str, bytes], ...]
) -> None:
    assert read(json.dumps(PLAIN | also).encode(), headers) == read(json.dumps(PLAIN).encode())


def test_a_plain_envelope_that_speaks_of_cloudevents_is_refused_as_what_it_is() -> None:
    value = json.dumps(ATTRIBUTES | PLAIN | {"version": "3"}).encode()
    assert reading.told(TOPIC, value) == "invalid-version"


def test_in_binary_mode_a_value_is_the_data_whatever_it_says() -> None:
    value = json.dumps(DATA | IN_DATA | {"event_id": "e-9"}).encode()
    assert read(value, binary()) == read(json.dumps(PLAIN).encode())


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (structured(specversion="0.3"), (), "invalid-specversion"),
        (structured(id=""), (), "invalid-event_id"),
        (structured(type="fraud.alert"), (), "wrong-type"),
        (structured(subject=None), (), "invalid-order_id"),
        (structured(data=None), (), "invalid-data"),
        (structured(data=DATA, sequence="three"), (), "invalid-version"),
        (structured(data=DATA, sequence="\N{SUPERSCRIPT TWO}"), (), "invalid-version"),
        (structured(time="yesterday"), (), "invalid-occurred_at"),
        (b'{"specversion"', (), "not-json"),
        (b'{"specversion": NaN}', (), "not-json"),
        (b"[1]", binary(), "invalid-data"),
        (b"", binary(), "not-json"),
        (json.dumps(DATA | IN_DATA).encode(), binary(specversion="2.0"), "invalid-specversion"),
    ],
)
def test_what_is_wrong_is_named(value: bytes, headers: tuple[tuple[str, bytes], ...], reason: str) -> None:
    assert reading.told(TOPIC, value, headers) == reason
