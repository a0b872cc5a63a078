"""The streams of this process: one reader of the event log tells all who listen.

Positions are gapless and one order for all, so the position of the last event a reader got is all it takes to go on: what
came after it is read from the log, whatever process the reader comes to. If that is too much to be told one by one, or not
there any more, the reader is told of a gap, and asks for what they show anew.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from support_service.cases import Cases
from support_service.directory import Principal, Sight
from support_service.kit import eventlog
from support_service.kit.database import Database, Tx
from support_service.kit.eventlog import LogRow
from support_service.stream import metrics
from support_service.stream.errors import TooManyStreams
from support_service.stream.listener import Listener
from support_service.stream.notices import GAP, Notice, frame, notices, orders_in, tickets_in

_POLL_S = 0.1
MOST_BEHIND = 10_000
"""Whoever is further behind is told of a gap: asking anew is then cheaper than being told."""

_MOST_STREAMS = 1_200
"""Each takes one of the requests that the server has under way at once, of which readers need some, too."""
_MOST_OF_ONE = 20
LONGEST_S = 900.0
"""Then a stream ends and is opened anew, by a token that holds and with the sight that its reader has by then."""

_AT_ONCE, _PAUSE_S = 10, 0.008
"""After so many were told, requests have their turn: 500 at once would hold them up for 20 ms, five times a second.

So telling takes a twentieth of the process' time at most: of much that happens, more is told at once, and a little later."""

KEEP_ALIVE_S = 15.0
"""No stream is silent for longer."""

_BEGIN = b"retry: 2000\n\n"
_T = TypeVar("_T")


class Stream:
    """Tells everybody who listens in this process what happens. Belongs to one event loop."""

    def __init__(self, database: Database, cases: Cases) -> None:
        """Read the log of this database."""
        self._database = database
        self._cases = cases
        self._listeners: defaultdict[Sight, set[Listener]] = defaultdict(set)
        self._position: int | None = None
        self._reading = asyncio.Lock()
        self._stopped = False

    @asynccontextmanager
    async def listen(self, principal: Principal, last_event_id: str | None) -> AsyncIterator[AsyncIterator[bytes]]:
        """Chunks of `text/event-stream` for this reader, from the event after the last one they got, or from now on.

        Raises:
            TooManyStreams: there are as many as there may be.
            DatabaseUnavailable: what has happened cannot be read.
        """
        sight = principal.sight
        if self._stopped or not self._has_room(principal):
            raise TooManyStreams
        listener = Listener(principal)
        metrics.OPEN.inc()
        try:
            async with self._reading:  # so that what the log's reader tells next is what follows what is read here
                self._listeners[sight].add(listener)
                now = listener.position = await self._now()
            yield self._chunks(listener, self._missed(sight, last_event_id, now), now)
        finally:
            self._listeners[sight].discard(listener)
            if not self._listeners[sight]:
                del self._listeners[sight]
            metrics.OPEN.dec()
            metrics.ENDED.labels(listener.ended_by or "left").inc()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop`, going on after any failure; then end every stream."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._rouse_the_silent(stop))
            both.create_task(eventlog.repeat(self._step, stop, name="stream", poll_s=_POLL_S))
        self.end()

    def end(self) -> None:
        """End every stream, and begin none any more: this process is about to stop."""
        self._stopped = True
        for listener in self._all():
            listener.end("shutdown")

    def _all(self) -> list[Listener]:
        return [one for listeners in self._listeners.values() for one in listeners]

    async def _step(self) -> int:
        """Read what is new and tell it; returns how many rows."""
        async with self._reading:
            if not self._listeners or self._position is None:
                self._position = None  # who comes next begins with what is new then
                return 0
            async with self._database.connection() as connection:
                rows = await eventlog.read(connection, self._position)
                if not rows:
                    return 0
                found = await self._notices(connection, rows)
            self._position = position = rows[-1].position
            told = self._shares(found, position)
        async for listener, frames in _in_turn(told):
            listener.tell(frames, position)
        return len(rows)

    def _shares(self, found: Sequence[Notice], position: int) -> list[tuple[Listener, Sequence[bytes]]]:
        """Who is told what of all up to `position`; to the others nothing of it is told."""
        shares: list[tuple[Listener, Sequence[bytes]]] = []
        for sight, listeners in self._listeners.items():
            frames = [told for notice in found if (told := notice.frame(sight)) is not None]
            for listener in listeners:
                if frames:
                    shares.append((listener, frames))
                else:
                    listener.position = position
        return shares

    async def _rouse_the_silent(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await eventlog.wait_for(stop, KEEP_ALIVE_S / 4)
            long_ago = time.monotonic() - KEEP_ALIVE_S * 3 / 4
            async for listener in _in_turn([one for one in self._all() if one.roused_at < long_ago]):
                listener.rouse()

    def _has_room(self, principal: Principal) -> bool:
        of_theirs = sum(
            other.principal.principal_id == principal.principal_id for other in self._listeners.get(principal.sight, ())
        )
        return of_theirs < _MOST_OF_ONE and sum(map(len, self._listeners.values())) < _MOST_STREAMS

    async def _now(self) -> int:
        if self._position is None:
            async with self._database.connection() as connection:
                self._position = await eventlog.head(connection)
        return self._position

    async def _missed(self, sight: Sight, last_event_id: str | None, now: int) -> AsyncIterator[bytes]:
        """What happened since the event that a reader got last, up to `now`."""
        if last_event_id is None:
            return
        after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1
        if not max(0, now - MOST_BEHIND) <= after <= now:
            yield _gap(after, now)
            return
        while after < now:
            async with self._database.connection() as connection:
                rows = [row for row in await eventlog.read(connection, after) if row.position <= now]
                if not rows or rows[0].position != after + 1:
                    yield _gap(after, now)
                    return
                found = await self._notices(connection, rows)
            yield b"".join(told for notice in found if (told := notice.frame(sight)) is not None)
            after = rows[-1].position

    async def _chunks(self, listener: Listener, missed: AsyncIterator[bytes], now: int) -> AsyncIterator[bytes]:
        yield _BEGIN
        async for chunk in missed:
            if chunk:
                yield chunk
        yield _here(now)
        until = time.monotonic() + LONGEST_S
        while True:
            chunk = await listener.take()
            if chunk:
                yield chunk
            if listener.ended_by:
                return
            if not chunk:
                yield _here(listener.position)
            if time.monotonic() >= until:
                listener.end("renewed")

    async def _notices(self, connection: Tx, rows: Sequence[LogRow]) -> list[Notice]:
        tickets, orders = tickets_in(rows), orders_in(rows)
        cases = await self._cases.facts_of_many(connection, tickets) if tickets else {}
        about = await self._cases.about(connection, orders) if orders else {}
        return notices(rows, cases, about)


async def _in_turn(things: Iterable[_T]) -> AsyncIterator[_T]:
    """Each of them; after a few, requests have their turn."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % _AT_ONCE == 0:
            await asyncio.sleep(_PAUSE_S)


def _here(position: int) -> bytes:
    """No event, but the id that a reader goes on from: everything up to there was told, or is not theirs."""
    return f"id: {position}\n\n".encode()


def _gap(after: int, now: int) -> bytes:
    """There is more between two positions than is told: whoever gets this asks for what they show anew."""
    metrics.GAPS.inc()
    return frame(now, GAP, {"after": max(0, after), "until": now})
