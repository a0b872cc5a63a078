"""The data of the benchmarks: orders with so many facts that the first page of a timeline is about 21 KB."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from support_service.demo.facts import SHAPES, Customer, ShopFact, Source, Value

FACTS = 47
"""Of one order; they make a first page of about 21 KB."""

_STATUSES: dict[Source, Sequence[str]] = {
    "order": ("created", "approved", "processing", "invoiced", "shipped", "delivered"),
    "payment": ("authorized", "captured"),
    "shipment": ("created", "handed_over", "in_transit", "out_for_delivery", "delivered"),
    "fraud": ("raised", "cleared"),
    "feedback": ("requested", "answered"),
}
_ENTITIES: dict[Source, int] = {"order": 1, "payment": 5, "shipment": 3, "fraud": 4, "feedback": 4}
"""How many of each a set of 47 facts holds; larger orders repeat all but the order."""

_NOW = datetime.now(UTC).replace(microsecond=0)


def customers(orders: Sequence[str]) -> Iterator[Customer]:
    """One customer for each order."""
    for order_id in orders:
        yield Customer(
            customer_of(order_id), f"Customer of {order_id}", f"{order_id}@example.com", "+84 90 000 0000", "vi", "Hue"
        )


def customer_of(order_id: str) -> str:
    """Whose the order is."""
    return f"c-{order_id}"


def facts_of(order_id: str, count: int = FACTS) -> list[ShopFact]:
    """The facts of one order, the same ones for the same id on one day: `count` of them, each at a time of its own.

    Fewer than `FACTS` are the first ones of every source, by turns.
    """
    facts = _many_facts(order_id, max(count, FACTS))
    return facts if count >= FACTS else _by_turns(facts)[:count]


def _by_turns(facts: Sequence[ShopFact]) -> list[ShopFact]:
    seen: Counter[Source] = Counter()
    places: list[tuple[int, int]] = []
    for index, fact in enumerate(facts):
        places.append((seen[fact.source], index))
        seen[fact.source] += 1
    return [facts[index] for _, index in sorted(places)]


def _many_facts(order_id: str, count: int) -> list[ShopFact]:
    random = Random(order_id)  # noqa: S311 - made-up data
    placed = _NOW - timedelta(days=30, seconds=random.randrange(86_400))
    facts: list[ShopFact] = []
    for source, number in _entities(count):
        entity_id = order_id if source == "order" else f"{source}-{order_id}-{number}"
        details = _details(source, random)
        for version, status in enumerate(_STATUSES[source], 1):
            if len(facts) == count:
                return facts
            at = placed + timedelta(minutes=11 * len(facts), microseconds=random.randrange(1_000_000))
            facts.append(
                ShopFact(source, entity_id, order_id, customer_of(order_id), version, status, at, True, details)
            )
    return facts


def _entities(count: int) -> Iterator[tuple[Source, int]]:
    yield "order", 0
    for number in range(count):
        for source, several in _ENTITIES.items():
            if source != "order":
                yield from ((source, number * several + one) for one in range(several))


def _details(source: Source, random: Random) -> dict[str, Value]:
    made: dict[str, Value] = {
        "items": random.randrange(1, 9),
        "amount_minor": random.randrange(10_000, 9_000_000),
        "currency": "VND",
        "estimated_delivery": (_NOW + timedelta(days=random.randrange(9))).date(),
        "method": "card",
        "installments": random.randrange(1, 13),
        "carrier": "Viettel Post",
        "tracking_number": f"VN{random.randrange(10**9):09}",
        "seller": f"seller-{random.randrange(1000):04}",
        "rule": "new_address_high_amount",
        "score": random.randrange(1, 6) if source == "feedback" else random.randrange(101),
        "title": "Late, but well packed",
        "comment": "It came two days late, but the box was in good order.",
    }
    return {name: made[name] for name in SHAPES[source].details}
