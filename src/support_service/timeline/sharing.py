"""Sharing first pages with other processes: of all that miss a page at once, one puts it together, the others take it.

A page from the shared cache is proven before it is taken: the customer's generation in the database must not be above
the page's. So nothing rests on that cache keeping its floors. It may be restarted, fail over to a replica that lags, or
miss an invalidation while it is away: no page is taken that shows less than was committed before it was asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from support_service.kit.clock import Clock
from support_service.ports.cache import LONGEST_TTL_S, CachedBody, SharedCache
from support_service.timeline import metrics

LEASE_S = 6.0
"""A fill rarely takes longer; when its process dies, others wait so long until one of them fills."""

_LONGEST_WAIT_S = 8.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25


@dataclass(slots=True)
class Turn:
    """What a fill is to do: take the page, or put one together, with a lease when the shared cache gave one."""

    page: CachedBody | None = None
    lease: str | None = None


class SharedPages:
    """The pages of all processes, as one of them sees them."""

    def __init__(
        self,
        cache: SharedCache | None,
        *,
        generation_of: Callable[[str], Awaitable[int]],
        floor_key: Callable[[str], str],
        clock: Clock,
    ) -> None:
        """Share by a cache.

        Args:
            cache: None when this process shares with nobody.
            generation_of: a customer's generation, as committed now.
            floor_key: the key of a customer's floor.
            clock: tells the age of pages.
        """
        self._cache = cache
        self._generation_of = generation_of
        self._floor_key = floor_key
        self._clock = clock
        self._keeping: set[asyncio.Task[bool]] = set()

    @asynccontextmanager
    async def turn(self, name: str, customer_id: str, *, part: float) -> AsyncIterator[Turn]:
        """Wait for one's turn to fill a page, or for another's page; an unused lease is given back at the end.

        Args:
            name: of the page.
            customer_id: whose it is.
            part: the part of its fresh time during which another's page will do.
        """
        if self._cache is None:
            yield Turn()
            return
        turn = await self._take(self._cache, name, customer_id, part)
        try:
            yield turn
        finally:
            if turn.lease is not None:
                await self._cache.give_back(name, turn.lease)

    def keep(self, name: str, customer_id: str, page: CachedBody, ttl_s: float, turn: Turn) -> None:
        """Let others take a page that this turn was for, as soon as the shared cache has it."""
        if self._cache is not None:
            lease, turn.lease = turn.lease, None
            put = self._cache.put_leased(name, self._floor_key(customer_id), page, ttl_s, lease)
            keeping = asyncio.create_task(put)
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)

    async def close(self) -> None:
        """Wait until the pages that are on their way to the shared cache are there."""
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def last(self, name: str, customer_id: str) -> CachedBody | None:
        """The last page there is, however old: for standing in while its sources are away, and saying so."""
        return None if self._cache is None else await self._cache.get(name, self._floor_key(customer_id))

    async def raise_floors(self, generations: Mapping[str, int]) -> None:
        """Let no process take or keep a page below its customer's generation: cheaper than to ask the database each time."""
        if self._cache is not None:
            await self._cache.raise_floors({self._floor_key(one): reached for one, reached in generations.items()})

    def ttl_s(self, page: CachedBody) -> float:
        """How many seconds a page that was taken may still be kept here: its age counts from when its fill began."""
        return max(0.0, LONGEST_TTL_S - (self._clock.now() - page.filled_at).total_seconds())

    async def _take(self, cache: SharedCache, name: str, customer_id: str, part: float) -> Turn:
        floor_key = self._floor_key(customer_id)
        ends = self._clock.monotonic() + _LONGEST_WAIT_S
        pause_s = _FIRST_PAUSE_S
        while self._clock.monotonic() < ends:
            found = await cache.find_or_lease(name, floor_key, lease_s=LEASE_S, now=self._clock.now(), part=part)
            if found.body is not None:
                generation = await self._generation_of(customer_id)
                if found.body.generation >= generation:
                    metrics.SHARED.labels("taken").inc()
                    return Turn(page=found.body)
                metrics.SHARED.labels("outdated").inc()
                await cache.raise_floors({floor_key: generation})
            elif found.taken:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
            else:
                metrics.SHARED.labels("alone" if found.lease is None else "leased").inc()
                return Turn(lease=found.lease)
        metrics.SHARED.labels("alone").inc()
        return Turn()
