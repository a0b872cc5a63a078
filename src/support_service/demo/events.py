"""The events of the simulated shop: the facts that it tells at once, as plain JSON envelopes.

| topic | tells |
|---|---|
| order.status.changed | every version of an order |
| payment.authorized | a payment's authorization; captures and refunds are seen in the tables only |
| fraud.alert | every version of an alert |
| shipment.status.changed | every version of a shipment |

Feedback has no event. An event says of a fact exactly what its table row says, time included.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from support_service.demo.facts import SHAPES, ShopFact, Source

TOPICS: Mapping[Source, str] = MappingProxyType(
    {
        "order": "order.status.changed",
        "payment": "payment.authorized",
        "fraud": "fraud.alert",
        "shipment": "shipment.status.changed",
    }
)


@dataclass(frozen=True, slots=True)
class ShopEvent:
    """One event as a broker would carry it: `key` is the order's id, `value` UTF-8 JSON."""

    event_id: str
    topic: str
    key: str
    value: bytes
    occurred_at: datetime


def event_of(fact: ShopFact) -> ShopEvent | None:
    """The event that tells a fact, or None for a fact that only the tables tell."""
    topic = TOPICS.get(fact.source)
    if topic is None or (fact.source == "payment" and fact.status != "authorized"):
        return None
    event_id = f"{fact.source}-{fact.entity_id}-{fact.version}"
    envelope: dict[str, Any] = {
        "event_id": event_id,
        "type": topic,
        "version": fact.version,
        "time": fact.occurred_at.isoformat(timespec="microseconds"),
        "order_id": fact.order_id,
    }
    if fact.customer_id is not None:
        envelope["customer_id"] = fact.customer_id
    envelope["data"] = _data(fact)
    value = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return ShopEvent(event_id, topic, fact.order_id, value, fact.occurred_at)


def events_of(facts: Iterable[ShopFact]) -> Iterator[ShopEvent]:
    """The events of facts, in their order, without those that have none."""
    for fact in facts:
        event = event_of(fact)
        if event is not None:
            yield event


def _data(fact: ShopFact) -> dict[str, Any]:
    data: dict[str, Any] = {"status": fact.status}
    for name, value in fact.details.items():
        data[name] = value.isoformat() if isinstance(value, date) else value
    data["time_known"] = fact.time_known
    if fact.source != "order":
        data[SHAPES[fact.source].id_column] = fact.entity_id
    return data
