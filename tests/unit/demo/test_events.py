"""Events say of a fact exactly what its table row says, and only kinds that have an event type have one."""

import json
from datetime import UTC, datetime
from pathlib import Path

from support.olist import FIXTURE
from support_service.demo.events import TOPICS, event_of, events_of
from support_service.demo.facts import SHAPES, ShopFact
from support_service.demo.generate import generate
from support_service.demo.olist import read_stock

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def _all_facts() -> list[ShopFact]:
    return [*generate(7, NOW)[1], *read_stock(Path(FIXTURE))[1]]


def test_an_event_carries_every_value_of_its_row() -> None:
    for fact in _all_facts():
        event = event_of(fact)
        if event is None:
            continue
        envelope = json.loads(event.value)
        row = dict(zip(SHAPES[fact.source].columns, fact.row(), strict=True))
        said = envelope["data"] | {
            "version": envelope["version"],
            "order_id": envelope["order_id"],
            "customer_id": envelope.get("customer_id"),
            "occurred_at": datetime.fromisoformat(envelope["time"]),
        }
        row["estimated_delivery"] = str(row["estimated_delivery"]) if row.get("estimated_delivery") else None
        said.setdefault("estimated_delivery", None)
        assert said == row
        assert (event.topic, event.key) == (envelope["type"], fact.order_id)
        assert event.event_id == envelope["event_id"] == f"{fact.source}-{fact.entity_id}-{fact.version}"


def test_event_ids_are_unique() -> None:
    ids = [event.event_id for event in events_of(_all_facts())]

    assert len(ids) == len(set(ids))


def test_only_four_topics_exist_and_of_payments_only_the_authorization_is_told() -> None:
    told = set(map(_kind, _all_facts()))

    assert {source for source, _, has_event in told if has_event} == set(TOPICS)
    assert {status for source, status, has_event in told if has_event and source == "payment"} == {"authorized"}
    assert not any(has_event for source, _, has_event in told if source == "feedback")


def test_times_in_events_have_microseconds_and_an_offset() -> None:
    fact = generate(7, NOW)[1][0]
    event = event_of(fact)

    assert event is not None
    assert json.loads(event.value)["time"][-13:-6].startswith(".")
    assert json.loads(event.value)["time"].endswith("+00:00")


def _kind(fact: ShopFact) -> tuple[str, str, bool]:
    return fact.source, fact.status, event_of(fact) is not None
