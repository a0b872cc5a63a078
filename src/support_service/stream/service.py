"""The streams of this process: one reader of the event log tells all who listen.

Positions are gapless and one order for all, so the position of the last event a reader got is all it takes to go on: what
came after it is read from the log, whatever process the reader comes to. If that is too much to be told one by one, or not
there any more, the reader is told of a gap, and asks for what they show anew.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from support_service.cases import Cases
from support_service.directory import Principal, Sight
from support_service.kit import eventlog
from support_service.kit.database import Database, Tx
from support_service.kit.eventlog import LogRow
from support_service.stream import metrics
from support_service.stream.errors import TooManyStreams
from support_service.stream.notices import GAP, Notice, frame, notices, orders_in, tickets_in

_POLL_S = 0.1
MOST_BEHIND = 10_000
"""Whoever is further behind is told of a gap: asking anew is then cheaper than being told."""

_MOST_WAITING = 1_000
"""Frames that may wait for a reader who does not take them; then the stream ends, to be gone on with."""

_MOST_STREAMS = 1_200
"""Each takes one of the requests that the server has under way at once, of which readers need some, too."""
_MOST_OF_ONE = 20
LONGEST_S = 900.0
"""Then a stream ends and is opened anew, by a token that holds and with the sight that its reader has by then."""

_AT_ONCE, _PAUSE_S = 10, 0.001
"""After so many listeners were told, requests have their turn: a thousand at once would hold them up for 25 ms."""

KEEP_ALIVE_S = 15.0
_BEGIN = b"retry: 2000\n\n"


class _Listener:
    """Somebody who listens. Frames wait here until they are taken."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.ended_by = ""
        """Why the stream ends; empty while it does not."""
        self._frames: list[bytes] = []
        self._something = asyncio.Event()

    def tell(self, told: Sequence[bytes]) -> None:
        if len(self._frames) >= _MOST_WAITING:
            self.end("slow")
            return
        self._frames += told
        self._something.set()

    def end(self, reason: str) -> None:
        self.ended_by = self.ended_by or reason
        self._something.set()

    @property
    def waits(self) -> bool:
        """Whether frames wait."""
        return bool(self._frames)

    async def take(self, within_s: float) -> bytes:
        """All that waits, as soon as something does; nothing when nothing came in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._something.wait()
        except TimeoutError:
            return b""
        self._something.clear()
        taken, self._frames = self._frames, []
        metrics.FRAMES.inc(len(taken))
        return b"".join(taken)


class Stream:
    """Tells everybody who listens in this process what happens. Belongs to one event loop."""

    def __init__(self, database: Database, cases: Cases) -> None:
        """Read the log of this database."""
        self._database = database
        self._cases = cases
        self._listeners: defaultdict[Sight, set[_Listener]] = defaultdict(set)
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
        listener = _Listener(principal)
        metrics.OPEN.inc()
        try:
            async with self._reading:  # so that what the log's reader tells next is what follows what is read here
                self._listeners[sight].add(listener)
                now = await self._now()
            yield self._chunks(listener, self._missed(sight, last_event_id, now), now)
        finally:
            self._listeners[sight].discard(listener)
            if not self._listeners[sight]:
                del self._listeners[sight]
            metrics.OPEN.dec()
            metrics.ENDED.labels(listener.ended_by or "left").inc()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop`, going on after any failure; then end every stream."""
        await eventlog.repeat(self._step, stop, name="stream", poll_s=_POLL_S)
        self.end()

    def end(self) -> None:
        """End every stream, and begin none any more: this process is about to stop."""
        self._stopped = True
        for listener in [one for listeners in self._listeners.values() for one in listeners]:
            listener.end("shutdown")

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
            for sight, listeners in list(self._listeners.items()):
                told = [one for notice in found if (one := notice.frame(sight)) is not None]
                await _tell(list(listeners), told)
            self._position = rows[-1].position
        return len(rows)

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

    async def _chunks(self, listener: _Listener, missed: AsyncIterator[bytes], now: int) -> AsyncIterator[bytes]:
        yield _BEGIN
        async for chunk in missed:
            if chunk:
                yield chunk
        yield _here(now)
        until = time.monotonic() + LONGEST_S
        while True:
            chunk = await listener.take(KEEP_ALIVE_S)
            if chunk:
                yield chunk
            if listener.ended_by:
                return
            if not (chunk or listener.waits) and self._position is not None:
                yield _here(self._position)
            if time.monotonic() >= until:
                listener.end("renewed")

    async def _notices(self, connection: Tx, rows: Sequence[LogRow]) -> list[Notice]:
        tickets, orders = tickets_in(rows), orders_in(rows)
        cases = await self._cases.facts_of_many(connection, tickets) if tickets else {}
        about = await self._cases.about(connection, orders) if orders else {}
        return notices(rows, cases, about)


async def _tell(listeners: Sequence[_Listener], told: Sequence[bytes]) -> None:
    for number, listener in enumerate(listeners if told else (), 1):
        listener.tell(told)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(_PAUSE_S)


def _here(position: int) -> bytes:
    """No event, but the id that a reader goes on from: everything up to there was told, or is not theirs."""
    return f"id: {position}\n\n".encode()


def _gap(after: int, now: int) -> bytes:
    """There is more between two positions than is told: whoever gets this asks for what they show anew."""
    metrics.GAPS.inc()
    return frame(now, GAP, {"after": max(0, after), "until": now})
