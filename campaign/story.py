"""What a shop says in a campaign, once in its order, and as a bad network delivers it: shuffled, doubled, some of it unreadable."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate, count, cycle, islice
from pathlib import Path
from random import Random

from support_service.demo.events import ShopEvent, events_of
from support_service.demo.facts import ShopFact
from support_service.demo.generate import generate
from support_service.demo.olist import read_stock

POISONED = 0.01
"""The part of what is sent that nobody can read, on top of what is true."""

_FARTHEST = 200
"""So many places an event may come too late, or its double after it."""

_CHAPTER_ORDERS = 4_000
_SEED = 8_360


@dataclass(frozen=True, slots=True)
class Chapter:
    """Some orders from their beginning to their end."""

    ordered: Sequence[ShopEvent]
    """Each event once, in the order of what happened."""
    sent: Sequence[ShopEvent]
    """As they are sent, in this order."""
    poison: int
    """How many of those sent cannot be read."""
    orders: Sequence[tuple[str, str]]
    """Each order and its customer, of those whose customer is known."""


def shop_facts(olist: Path | None) -> list[ShopFact]:
    """What Olist's files tell, else what a generated shop does."""
    _, facts = generate(_SEED, datetime(2026, 1, 1, tzinfo=UTC)) if olist is None else read_stock(olist)
    return facts


def chapters(facts: Sequence[ShopFact], events: int | None, copies: int) -> Iterator[Chapter]:
    """The shop's story told over and over, each time about other orders, in chapters.

    Args:
        facts: of whole orders.
        events: how many to tell, each once; all of `copies` when None.
        copies: how many times then.
    """
    by_order: dict[str, list[ShopFact]] = {}
    for fact in facts:
        by_order.setdefault(fact.order_id, []).append(fact)
    rng = Random(_SEED)  # noqa: S311 - a story, no secret
    left = events
    for copy in count() if events is not None else range(copies):
        orders = iter(by_order.values())
        while group := list(islice(orders, _CHAPTER_ORDERS)):
            told = [_again(fact, copy) for order in group for fact in order]
            chapter = _chapter(told, left, rng)
            yield chapter
            if left is not None:
                left -= len(chapter.ordered)
                if left <= 0:
                    return


def chapters_of(facts: Sequence[ShopFact], events: int | None, copies: int) -> int:
    """How many chapters `chapters` makes of these."""
    told = Counter(event.key for event in events_of(facts))
    orders = list(dict.fromkeys(fact.order_id for fact in facts))
    sizes = [
        sum(told[order] for order in orders[first : first + _CHAPTER_ORDERS])
        for first in range(0, len(orders), _CHAPTER_ORDERS)
    ]
    if events is None:
        return len(sizes) * copies
    return next(number for number, total in enumerate(accumulate(cycle(sizes)), 1) if total >= events)


def _chapter(facts: list[ShopFact], most: int | None, rng: Random) -> Chapter:
    facts.sort(key=lambda fact: (fact.occurred_at, fact.source, fact.entity_id, fact.version))
    ordered = list(islice(events_of(facts), most))
    places = [(place + rng.uniform(0, _FARTHEST), event) for place, event in enumerate(ordered)]
    doubles = [(place + rng.uniform(0, _FARTHEST), event) for place, event in places]
    poison = [
        (rng.uniform(0, len(ordered)), _poisoned(rng.choice(ordered), number, rng))
        for number in range(max(1, int(len(ordered) * POISONED)))
    ]
    sent = sorted([*places, *doubles, *poison], key=lambda placed: placed[0])
    owners = {fact.order_id: fact.customer_id for fact in facts if fact.customer_id is not None}
    told = {event.key for event in ordered}
    owned = [(order, customer) for order, customer in owners.items() if order in told]
    return Chapter(ordered, [event for _, event in sent], len(poison), owned)


def _again(fact: ShopFact, copy: int) -> ShopFact:
    customer = None if fact.customer_id is None else f"{fact.customer_id}-{copy}"
    return replace(fact, order_id=f"{fact.order_id}-{copy}", entity_id=f"{fact.entity_id}-{copy}", customer_id=customer)


def _poisoned(event: ShopEvent, number: int, rng: Random) -> ShopEvent:
    """Something like this event that cannot be read, different from every other."""
    mark = f"poison-{number}-{rng.getrandbits(64):x}"
    envelope = json.loads(event.value)
    broken: tuple[bytes, ...] = (
        event.value[: len(event.value) // 2] + mark.encode(),
        b"\xff\xfe" + mark.encode(),
        json.dumps([mark]).encode(),
        json.dumps(envelope | {"event_id": mark, "version": "one"}).encode(),
        json.dumps(envelope | {"event_id": mark, "time": "yesterday"}).encode(),
        json.dumps(envelope | {"event_id": mark, "type": "order.unheard.of"}).encode(),
        json.dumps({name: value for name, value in envelope.items() if name != "event_id"} | {"mark": mark}).encode(),
    )
    return replace(event, event_id=mark, value=broken[number % len(broken)])
