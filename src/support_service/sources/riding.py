"""One query of the lake for the crowds of several processes: one of them leads, the others ride along (`ports.rides`).

Only crowds share. An asker alone never waits for another process. The answer of a ride is as young as one of one's own: a
query sets out after everybody who rides with it has asked. Who leads and fails lets its passengers know; one that dies
keeps them for a moment, and then they ask alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from support_service.kit.clock import Clock
from support_service.ports.rides import Passenger, Rides
from support_service.sources import metrics
from support_service.sources.lake_answer import LakeAnswer

MOST_SHARED = 1_000
"""Orders in one query for several processes: as many as a catalog compares one by one (docs/trino.md)."""

LONGEST_RIDE_S = 2.0
"""After so long without an answer a passenger asks alone: it comes in a third of it, unless its leader died."""

_LONGEST_LEAD_S = 1.0
_LONGEST_WAIT_S = 0.25
_LOOK_S = 0.005

Ask = Callable[[Sequence[str]], Awaitable[LakeAnswer | None]]


class Riding:
    """Has the queries of crowds shared. Belongs to one event loop."""

    def __init__(self, rides: Rides | None, ask: Ask, clock: Clock) -> None:
        """Query by `ask`, alone if there are no rides."""
        self._rides = rides
        self._ask = ask
        self._clock = clock
        self._announcing: asyncio.Task[None] | None = None

    def announce(self) -> None:
        """A crowd is gathering, which will ask soon."""
        if self._rides is not None and self._announcing is None:
            self._announcing = asyncio.create_task(self._rides.announce())

    async def ask(self, ids: Sequence[str]) -> LakeAnswer | None:
        """The answer of a query that began after now; None when there is none."""
        announcing, self._announcing = self._announcing, None
        if self._rides is None or announcing is None:
            return await self._ask(ids)
        await announcing
        seat = await self._rides.board(ids, most_ids=MOST_SHARED, lead_s=_LONGEST_LEAD_S)
        if seat is None:
            metrics.RIDES.labels("alone").inc()
            return await self._ask(ids)
        if seat.leads:
            return await self._lead(self._rides, seat.token, ids)
        return await self._ride(self._rides, seat.token, ids)

    async def _lead(self, rides: Rides, token: str, ids: Sequence[str]) -> LakeAnswer | None:
        passengers = await self._passengers(rides, token)
        together = dict.fromkeys([*ids, *(one_id for passenger in passengers for one_id in passenger.ids)])
        answer: LakeAnswer | None = None
        try:
            answer = await self._ask(list(together))
        finally:
            for passenger in passengers:
                await rides.deliver(passenger.token, b"" if answer is None else answer.part(passenger.ids))
        metrics.RIDES.labels("led" if passengers else "alone").inc()
        return answer

    async def _passengers(self, rides: Rides, token: str) -> Sequence[Passenger]:
        """Who rides along, once nobody is on the way any more, or has been for too long."""
        until = self._clock.monotonic() + _LONGEST_WAIT_S
        while True:
            passengers = await rides.depart(token, now=self._clock.monotonic() >= until)
            if passengers is not None:
                return passengers
            await asyncio.sleep(_LOOK_S)

    async def _ride(self, rides: Rides, token: str, ids: Sequence[str]) -> LakeAnswer | None:
        until = self._clock.monotonic() + LONGEST_RIDE_S
        while self._clock.monotonic() < until:
            await asyncio.sleep(_LOOK_S * 2)
            part = await rides.collect(token)
            if part == b"":
                metrics.RIDES.labels("failed").inc()
                return None
            if part is not None:
                try:
                    answer = LakeAnswer.of_part(part)
                except ValueError:
                    break
                metrics.RIDES.labels("rode").inc()
                return answer
        metrics.RIDES.labels("stranded").inc()
        return await self._ask(ids)
