"""What a shop tells of many orders: all events of each, in the order in which they would come.

Every order goes through its life beside all the others, so that the events of one are far apart.
"""

from collections.abc import Sequence

from bench import shop
from support_service.demo.events import ShopEvent, events_of
from support_service.demo.facts import ShopFact

EVENTS_OF_ORDER = 14
"""Six states of the order, an authorized payment, five states of a parcel, an alert raised and cleared."""

WATCHED_ONE_IN = 50
"""Orders with an open case: two in a hundred, and so are their events."""


def orders_of(count: int) -> list[str]:
    """The ids of so many orders."""
    return [f"told-{number:05}" for number in range(count)]


def watched(orders: Sequence[str]) -> list[str]:
    """Those of them that have an open case."""
    return list(orders[::WATCHED_ONE_IN])


def facts_told(order_id: str) -> list[ShopFact]:
    """The facts of an order that the shop tells by event, in their order."""
    first = {order_id, *(f"{source}-{order_id}-0" for source in ("payment", "shipment", "fraud"))}
    facts = [fact for fact in shop.facts_of(order_id) if fact.entity_id in first]
    return [fact for fact in facts if fact.source != "payment" or fact.status == "authorized"]


def events(orders: Sequence[str]) -> list[ShopEvent]:
    """The events of all these orders: the first of each, then the second of each, and so on."""
    of_each = [list(events_of(facts_told(order_id))) for order_id in orders]
    return [told[step] for step in range(EVENTS_OF_ORDER) for told in of_each]
