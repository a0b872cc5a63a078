"""Reading one source at a time from its own REST service, behind a breaker of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from support_service.kit.clock import Clock
from support_service.ports.commerce import Commerce, CommerceError
from support_service.sources import metrics
from support_service.sources.breaker import Breaker, BreakerOpen
from support_service.sources.catalog import BY_NAME, SOURCES
from support_service.sources.reading import BREAKER_OPEN, MOST_FACTS, Reading, failed, usable
from support_service.sources.source import Source

_DEADLINE_S = 0.8
_ORDERS_A_CALL = 100
_SAYS_NOTHING_OF_HEALTH = frozenset({"busy", "missing", "rejected", "limit"})


class ServiceReader:
    """Asks the shop's services; a dead one is an answer that is missing, never an exception."""

    def __init__(self, commerce: Commerce, clock: Clock) -> None:
        """Read from these services."""
        self._commerce = commerce
        self._clock = clock
        self._breakers = {source.service: Breaker(f"rest:{source.service}", clock) for source in SOURCES}

    async def newest_orders(self, customer_id: str, limit: int) -> list[str] | None:
        """The customer's newest orders; None when the order service does not say."""
        order = BY_NAME["order"]
        items = await self._items(order, "newest", {"customer_id": customer_id, "limit": str(limit)})
        if items is None:
            return None
        ids = [item.get("order_id") if isinstance(item, dict) else None for item in items]
        if not all(isinstance(order_id, str) for order_id in ids):
            failed([order.name], "rest", "malformed")
            return None
        return [str(order_id) for order_id in ids]

    async def facts(self, source: Source, order_ids: Sequence[str], since: datetime) -> Reading | None:
        """What a source says of these orders; None when its service does not say."""
        as_of = self._clock.now()
        if any("," in order_id for order_id in order_ids):
            failed([source.name], "rest", "rejected")  # the service would read such an id as two others
            return None
        chunks = [order_ids[start : start + _ORDERS_A_CALL] for start in range(0, len(order_ids), _ORDERS_A_CALL)]
        answers = await asyncio.gather(
            *(self._items(source, "history", {"order_ids": ",".join(chunk)}) for chunk in chunks)
        )
        items: list[object] = []
        for answer in answers:
            if answer is None:
                return None
            items += answer
        facts, whole = usable(source.name, "rest", items, source.from_item, frozenset(order_ids))
        recent = sorted(
            (fact for fact in facts if fact.occurred_at >= since), key=lambda fact: fact.occurred_at, reverse=True
        )
        return Reading(tuple(recent[:MOST_FACTS]), as_of, truncated=len(recent) > MOST_FACTS or not whole)

    async def _items(self, source: Source, path: str, params: Mapping[str, str]) -> list[object] | None:
        started = self._clock.monotonic()
        try:
            with self._breakers[source.service].guard(_is_failure):
                document = await self._commerce.get(source.service, path, params, deadline_s=_DEADLINE_S)
                items = _items_of(document, source.service)
        except BreakerOpen:
            failed([source.name], "rest", BREAKER_OPEN)
            return None
        except CommerceError as error:
            metrics.READ_SECONDS.labels("rest", error.reason).observe(self._clock.monotonic() - started)
            failed([source.name], "rest", error.reason)
            return None
        metrics.READ_SECONDS.labels("rest", "ok").observe(self._clock.monotonic() - started)
        return items


def _is_failure(error: Exception) -> bool:
    return isinstance(error, CommerceError) and error.reason not in _SAYS_NOTHING_OF_HEALTH


def _items_of(document: object, service: str) -> list[object]:
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise CommerceError("malformed", service)
    return items
