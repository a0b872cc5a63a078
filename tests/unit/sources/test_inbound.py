"""Reading shop events: strict about what is used, indifferent to what is not."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import reading
from support.shop import every_fact, record_of
from support_service.demo.events import event_of
from support_service.demo.facts import ShopFact
from support_service.ports.events import Record
from support_service.sources import ShopEvent, event_reader, inbound
from support_service.sources.errors import MalformedEvent

TOPIC = "shipment.status.changed"


def envelope(**changes: Any) -> dict[str, Any]:
    data = {"shipment_id": "s-1", "status": "delivered", "carrier": "GHN", "time_known": True}
    whole = {
        "event_id": "shipment-s-1-3",
        "type": TOPIC,
        "version": 3,
        "time": "2026-11-24T08:02:03.000004+07:00",
        "order_id": "o-1",
        "customer_id": "c-1",
        "data": data | changes.pop("data", {}),
    }
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def parse(body: object) -> ShopEvent:
    return reading.event(TOPIC, json.dumps(body).encode())


def outcome(body: object) -> ShopEvent | str:
    return reading.told(TOPIC, json.dumps(body).encode())


def test_an_event_is_its_identity_and_one_fact_with_every_key_of_its_source_and_a_time_in_utc() -> None:
    event = parse(envelope())
    assert event.event_id == "shipment-s-1-3"
    assert event.fact.entry_id == "shipment:s-1:3"
    assert event.fact.kind == "shipment.delivered"
    assert event.fact.occurred_at == datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC)
    assert event.fact.occurred_at.tzinfo is UTC
    assert event.fact.data == {
        "status": "delivered",
        "carrier": "GHN",
        "tracking_number": None,
        "seller": None,
        "items": None,
        "estimated_delivery": None,
        "time_known": True,
    }


def test_a_customer_may_be_absent_or_null() -> None:
    assert parse(envelope(customer_id=...)).fact.customer_id is None
    assert parse(envelope(customer_id=None)).fact.customer_id is None


def test_fields_that_are_not_known_are_left_out() -> None:
    event = parse(envelope(trace="t", data={"weight": 12, "order_id": "another", "version": 9}))
    assert event == parse(envelope())


def test_a_status_that_is_not_known_yet_is_taken_under_its_own_name() -> None:
    assert parse(envelope(data={"status": "held_by_customs"})).fact.kind == "shipment.held_by_customs"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event_id": ...}, "invalid-event_id"),
        ({"event_id": ""}, "invalid-event_id"),
        ({"type": "fraud.alert"}, "wrong-type"),
        ({"version": "3"}, "invalid-version"),
        ({"version": 0}, "invalid-version"),
        ({"version": 2**31}, "invalid-version"),
        ({"version": 1.0}, "invalid-version"),
        ({"version": True}, "invalid-version"),
        ({"time": "2026-11-24T08:02:03"}, "invalid-occurred_at"),
        ({"time": "2026-11-24"}, "invalid-occurred_at"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "invalid-occurred_at"),
        ({"time": 1_790_000_000}, "invalid-occurred_at"),
        ({"time": ...}, "invalid-time"),
        ({"order_id": None}, "invalid-order_id"),
        ({"order_id": "a\x00b"}, "invalid-order_id"),
        ({"order_id": "a\nb"}, "invalid-order_id"),
        ({"order_id": "x" * 201}, "invalid-order_id"),
        ({"order_id": 7}, "invalid-order_id"),
        ({"customer_id": ""}, "invalid-customer_id"),
        ({"data": {"shipment_id": None}}, "invalid-shipment_id"),
        ({"data": {"status": None}}, "invalid-status"),
        ({"data": {"status": "Delivered!"}}, "invalid-status"),
        ({"data": {"items": "2"}}, "invalid-items"),
        ({"data": {"items": -1}}, "invalid-items"),
        ({"data": {"items": 2**53}}, "invalid-items"),
        ({"data": {"carrier": "a\x00"}}, "invalid-carrier"),
        ({"data": {"carrier": "x" * 20_001}}, "invalid-carrier"),
        ({"data": {"estimated_delivery": "2026-02-30"}}, "invalid-estimated_delivery"),
        ({"data": {"estimated_delivery": "2026-02-03T00:00:00Z"}}, "invalid-estimated_delivery"),
        ({"data": {"time_known": "yes"}}, "invalid-time_known"),
    ],
)
def test_what_is_wrong_is_named_by_field(changes: dict[str, Any], reason: str) -> None:
    assert outcome(envelope(**changes)) == reason


def test_data_must_be_an_object() -> None:
    whole = envelope()
    whole["data"] = ["shipment_id"]
    assert outcome(whole) == "invalid-data"


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"event_id": "\\ud800"}', b"[" * 100_000, b'{"a":1}{"b":2}'],
)
def test_bytes_that_are_no_envelope_are_malformed(value: bytes) -> None:
    assert reading.told(TOPIC, value) in {"not-json", "invalid-data", "invalid-event_id"}


def test_a_lone_surrogate_which_no_database_keeps_is_malformed() -> None:
    value = json.dumps(envelope(data={"carrier": "SURROGATE"})).replace("SURROGATE", "\\ud800").encode()
    assert reading.told(TOPIC, value) == "not-json"


def test_a_topic_without_a_source_is_unknown() -> None:
    value = json.dumps(envelope(type="cart.abandoned")).encode()
    assert reading.told("cart.abandoned", value) == "unknown-topic"


def test_a_reason_never_quotes_the_event() -> None:
    assert outcome(envelope(order_id={"secret": "Nguyen"})) == "invalid-order_id"


def test_of_a_batch_each_record_keeps_its_event_and_the_others_their_reasons() -> None:
    told = [event for fact in every_fact("o-1", "c-1") if (event := event_of(fact)) is not None]
    good = [record_of(event, offset) for offset, event in enumerate(told)]
    bad = [Record(TOPIC, 0, 90, None, b"{", (), 0.0), Record("cart.abandoned", 0, 91, None, b"{}", (), 0.0)]
    found = event_reader({})([good[0], bad[0], *good[1:], bad[1]])
    assert list(found.records) == good
    assert [event.event_id for event in found.events] == [event.event_id for event in told]
    assert list(found.refused) == [(bad[0], "not-json"), (bad[1], "unknown-topic")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def by_steps(topic: str, value: bytes) -> ShopEvent | str:
    """What is read step by step, or the reason why nothing is."""
    try:
        return inbound._step_by_step(Record(topic, 0, 7, None, value, (), 0.0), None)
    except MalformedEvent as error:
        return error.reason


@pytest.mark.parametrize("fact", every_fact("o-1", "c-1") + every_fact("o-2", None), ids=repr)
def test_what_is_read_at_once_is_what_is_read_step_by_step(fact: ShopFact, monkeypatch: pytest.MonkeyPatch) -> None:
    event = event_of(fact)
    if event is None:
        return
    expected = by_steps(event.topic, event.value)
    monkeypatch.setattr(inbound, "_step_by_step", None)  # whoever takes the steps now fails
    assert reading.told(event.topic, event.value) == expected


def test_other_offsets_and_headers_that_say_nothing_of_it_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    value = json.dumps(envelope()).encode()
    monkeypatch.setattr(inbound, "_step_by_step", None)  # as above
    event = reading.event(TOPIC, value, (("traceparent", b"00-1-2-00"), ("content-type", b"application/json")))
    assert (event.occurred_at, event.occurred_at.tzinfo) == (datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC), UTC)


@given(
    st.sampled_from(["event_id", "type", "version", "time", "order_id", "customer_id", "data", "status"]),
    json_values | st.just(...),
    st.sampled_from([TOPIC, "order.status.changed", "payment.authorized", "fraud.alert"]),
)
def test_whatever_stands_in_a_field_the_answer_is_a_fact_or_a_reason(field: str, value: object, topic: str) -> None:
    body = envelope(type=topic, data={"payment_id": "p", "alert_id": "a", "amount_minor": 1})
    if field == "status":
        body["data"]["status"] = None if value is ... else value
    elif value is ...:
        del body[field]
    else:
        body[field] = value
    value_told = json.dumps(body).encode()
    event = reading.told(topic, value_told)
    assert event == by_steps(topic, value_told)
    if isinstance(event, str):
        return
    assert event.fact.occurred_at.tzinfo is UTC
    json.dumps(event.fact.data, allow_nan=False).encode()


@given(st.binary(max_size=60))
def test_no_bytes_get_past_as_anything_but_malformed(value: bytes) -> None:
    assert isinstance(reading.told(TOPIC, value), str)
