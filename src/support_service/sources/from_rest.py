"""Reading one source at a time from its own REST service, behind a breaker of its own; reads that come together share calls."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from support_service.kit.clock import Clock
from support_service.kit.loader import Loader
from support_service.ports.commerce import Commerce, CommerceError
from support_service.sources import metrics
from support_service.sources.breaker import Breaker, BreakerOpen
from support_service.sources.catalog import BY_NAME, SOURCES
from support_service.sources.reading import MOST_FACTS, Reading, failed, usable
from support_service.sources.source import Source

_DEADLINE_S = 0.8
_ORDERS_A_CALL = 100
_OF_THE_QUESTION = frozenset({"missing", "rejected", "limit"})
"""What a service says of the orders it was asked for: of other orders it might not say that."""

_SAYS_NOTHING_OF_HEALTH = _OF_THE_QUESTION | {"busy"}


class ServiceReader:
    """Asks the shop's services; a dead one is an answer that is missing, never an exception."""

    def __init__(self, commerce: Commerce, clock: Clock) -> None:
        """Read from these services."""
        self._commerce = commerce
        self._clock = clock
        self._breakers = {source.service: Breaker(f"rest:{source.service}", clock) for source in SOURCES}
        self._histories = {source.name: Loader(partial(self._histories_of, source)) for source in SOURCES}

    async def newest_orders(self, customer_id: str, limit: int) -> list[str] | None:
        """The customer's newest orders; None when the order service does not say."""
        order = BY_NAME["order"]
        try:
            items = await self._items(order, "newest", {"customer_id": customer_id, "limit": str(limit)})
        except (BreakerOpen, CommerceError) as error:
            failed([order.name], "rest", error.reason)
            return None
        ids = [item.get("order_id") if isinstance(item, dict) else None for item in items]
        if not all(isinstance(order_id, str) for order_id in ids):
            failed([order.name], "rest", "malformed")
            return None
        return [str(order_id) for order_id in ids]

    async def facts(self, source: Source, order_ids: Sequence[str], since: datetime) -> Reading | None:
        """What a source says of these orders, at least one; None when its service does not say."""
        if any("," in order_id for order_id in order_ids):
            failed([source.name], "rest", "rejected")  # the service would read such an id as two others
            return None
        found = await asyncio.gather(*map(self._histories[source.name].get, order_ids))
        histories = [history for history in found if history is not None]
        if len(histories) < len(order_ids):
            return None
        recent = sorted(
            (fact for history in histories for fact in history.facts if fact.occurred_at >= since),
            key=lambda fact: fact.occurred_at,
            reverse=True,
        )
        truncated = len(recent) > MOST_FACTS or any(history.truncated for history in histories)
        as_of = min(history.as_of for history in histories)
        return Reading(tuple(recent[:MOST_FACTS]), as_of, truncated)

    async def _histories_of(self, source: Source, order_ids: Sequence[str]) -> dict[str, Reading]:
        """Each order's history, without those that the service does not tell."""
        chunks = (order_ids[start : start + _ORDERS_A_CALL] for start in range(0, len(order_ids), _ORDERS_A_CALL))
        calls = await asyncio.gather(*(self._call(source, chunk) for chunk in chunks))
        return {order_id: history for told in calls for order_id, history in told.items()}

    async def _call(self, source: Source, order_ids: Sequence[str]) -> dict[str, Reading]:
        """One call for many orders; when one of them may be to blame for its failure, one for each half of them."""
        as_of = self._clock.now()
        try:
            items = await self._items(source, "history", {"order_ids": ",".join(order_ids)})
        except (BreakerOpen, CommerceError) as error:
            if error.reason in _OF_THE_QUESTION and len(order_ids) > 1:
                middle = len(order_ids) // 2
                halves = order_ids[:middle], order_ids[middle:]
                first, second = await asyncio.gather(*(self._call(source, half) for half in halves))
                return first | second
            failed([source.name], "rest", error.reason)
            return {}
        return _by_order(source, items, order_ids, as_of)

    async def _items(self, source: Source, path: str, params: Mapping[str, str]) -> list[object]:
        """The items of a service's answer.

        Raises:
            BreakerOpen: the service is being left alone.
            CommerceError: it did not answer.
        """
        started = self._clock.monotonic()
        try:
            with self._breakers[source.service].guard(_is_failure):
                document = await self._commerce.get(source.service, path, params, deadline_s=_DEADLINE_S)
                items = _items_of(document, source.service)
        except CommerceError as error:
            metrics.READ_SECONDS.labels("rest", error.reason).observe(self._clock.monotonic() - started)
            raise
        metrics.READ_SECONDS.labels("rest", "ok").observe(self._clock.monotonic() - started)
        return items


def _is_failure(error: Exception) -> bool:
    return isinstance(error, CommerceError) and error.reason not in _SAYS_NOTHING_OF_HEALTH


def _items_of(document: object, service: str) -> list[object]:
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise CommerceError("malformed", service)
    return items


def _by_order(source: Source, items: Sequence[object], order_ids: Sequence[str], as_of: datetime) -> dict[str, Reading]:
    """Each order's part of an answer; after an item that may be any order's, none is known to be whole."""
    by_order: dict[str, list[object]] = {order_id: [] for order_id in order_ids}
    strays: list[object] = []
    for item in items:
        order_id = item.get("order_id") if isinstance(item, dict) else None
        (by_order.get(order_id, strays) if isinstance(order_id, str) else strays).append(item)
    _, whole = usable(source.name, "rest", strays, source.from_item, ())
    readings: dict[str, Reading] = {}
    for order_id, own in by_order.items():
        facts, readable = usable(source.name, "rest", own, source.from_item, (order_id,))
        readings[order_id] = Reading(tuple(facts), as_of, truncated=not (whole and readable))
    return readings
