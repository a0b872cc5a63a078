"""The event log: what happened, in one order that every follower shares.

A use case appends its event in its own transaction. The relay gives each committed row a gapless `position`, and
followers read by position, each with a cursor of its own. A reader of `id > last` would lose what commits late; a
reader of positions cannot, as a position is only given to what is already committed.

Order: rows of one subject (a ticket, a customer) keep their commit order, because a writer appends after it has locked
the subject's row; nothing is promised between subjects.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from support_service.kit import logs, metrics
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.ids import new_id
from support_service.kit.sql import load_queries, rows_in
from support_service.kit.together import Sends

_SQL = load_queries("support_service.kit")
_BATCH = 1_000
_STAMPED_AT_ONCE = 4_000
"""Fewer cost more each; so many take 25 ms, for which no other relay gets at them."""

_POLL_S = 0.1
_LONGEST_BACKOFF_S = 5.0
_LEARN_WITHIN_S = 1.0
_MOST_UNSTAMPED = 5_000
"""Rows without a position that a tail hears of in one step: without a relay each step hears of all of them again."""

_log = logs.get_logger(__name__)


class LoggedEvent(BaseModel):
    """The data of one event; every field carries its data class, and none holds free text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type_: ClassVar[str]
    """The event's type, such as `support.case.opened`."""


class _Columns(NamedTuple):
    position: int
    event_id: UUID
    type: str
    subject: str
    sequence: int
    body: str
    occurred_at: datetime
    trace: str | None


class LogRow(_Columns):
    """An event as a follower reads it; `body` is its data as JSON."""

    @cached_property
    def data(self) -> dict[str, Any]:
        """The event's data, read when it is first asked for: whoever passes it on as it is need not."""
        data: dict[str, Any] = from_json(self.body)
        return data


async def append(tx: Sends, event: LoggedEvent, *, subject: str, sequence: int) -> None:
    """Add an event to the log, in the transaction of what it tells of.

    Args:
        tx: the caller's transaction, which already holds a lock on the subject's row.
        event: what happened.
        subject: whose order is kept: a ticket's or a customer's id.
        sequence: grows with every event of the subject: the ticket's version, the customer's generation.
    """
    data = event.model_dump(mode="json")
    await tx.execute(
        _SQL["append_event"],
        new_id(),
        event.type_,
        subject,
        sequence,
        data,
        datetime.now(UTC),
        logs.current_request_id(),
    )
    metrics.LOG_APPENDED.labels(event.type_).inc()


async def append_all(tx: Sends, events: Sequence[tuple[LoggedEvent, str, int]]) -> None:
    """Add many (event, subject, sequence) in one statement, in their order; as `append` else."""
    if not events:
        return
    await tx.execute(
        _SQL["append_events"],
        [new_id() for _ in events],
        [event.type_ for event, _, _ in events],
        [subject for _, subject, _ in events],
        [sequence for _, _, sequence in events],
        [event.model_dump_json() for event, _, _ in events],
        datetime.now(UTC),
        logs.current_request_id(),
    )
    for event, _, _ in events:
        metrics.LOG_APPENDED.labels(event.type_).inc()


class Relay:
    """Stamps committed rows with their position. Any number may run; the head's row lock elects one a batch."""

    def __init__(self, database: Database) -> None:
        """Stamp the log of this database."""
        self._database = database

    async def step(self) -> int:
        """Stamp one batch; returns how many rows, 0 also when another relay is at it."""
        async with self._database.connection() as connection:
            if not await connection.fetchval(_SQL["any_unstamped"]):
                return 0  # most of the time: found out without a transaction
        async with self._database.transaction() as tx:
            head = await tx.fetchval(_SQL["lock_head"])
            if head is None:
                return 0
            stamped = rows_in(await tx.execute(_SQL["stamp"], head, _STAMPED_AT_ONCE))
            if stamped:
                await tx.execute(_SQL["move_head"], stamped)
        metrics.LOG_STAMPED.inc(stamped)
        return stamped

    async def run(self, stop: asyncio.Event) -> None:
        """Stamp until `stop`, going on after any failure."""
        await repeat(self.step, stop, name="relay", poll_s=_POLL_S)


Handle = Callable[[Tx, Sequence[LogRow]], Awaitable[None]]
"""Handles a batch in the transaction that also moves the cursor; must be able to handle any row, or the log stands."""


class Follower:
    """Reads the log with a cursor kept in the database: each row is handled once in effect, in order.

    Any number of processes may run the same follower; the cursor's row lock lets one work at a time.
    """

    def __init__(self, database: Database, name: str, handle: Handle, *, batch: int = _BATCH) -> None:
        """Follow under a name that stays the same over restarts, handling at most so many rows at once."""
        self._database = database
        self._batch = batch
        self.name = name
        self._handle = handle
        self._known = False

    async def step(self) -> int:
        """Handle one batch; returns how many rows, 0 also when another process is at it."""
        async with self._database.connection() as connection:
            if not self._known:  # not in the batch's transaction: that may fail
                await connection.execute(_SQL["ensure_cursor"], self.name)
                self._known = True
            if not await connection.fetchval(_SQL["any_after_cursor"], self.name):
                return 0
        async with self._database.transaction() as tx:
            cursor = await tx.fetchval(_SQL["lock_cursor"], self.name)
            if cursor is None:
                return 0
            rows = await read(tx, cursor, self._batch)
            if rows:
                await self._handle(tx, rows)
                await tx.execute(_SQL["move_cursor"], self.name, rows[-1].position)
        metrics.FOLLOWER_HANDLED.labels(self.name).inc(len(rows))
        return len(rows)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop`; a batch that fails is tried again, slower and slower up to every 5 s."""
        await repeat(self.step, stop, name=self.name, poll_s=_POLL_S)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a tail hears of a row: enough to know that something of a subject is not current any more."""

    type: str
    subject: str
    sequence: int


class LogTail:
    """Hears of every row written from now on, early and at least once, with a cursor in memory.

    For what a process must only know while it lives, such as that something it keeps is outdated. It does not wait for
    the relay: rows without a position are heard too, and once more when they have one, so order is not promised.
    While more of them wait than one step hears of, it has not caught up, and says so.
    """

    def __init__(
        self, database: Database, apply: Callable[[Sequence[Heard]], Awaitable[None]], clock: Clock, *, poll_s: float
    ) -> None:
        """Apply every row written from the first step on."""
        self._database = database
        self._apply = apply
        self._clock = clock
        self._poll_s = poll_s
        self._position: int | None = None
        self._caught_up_at = float("-inf")
        self._stepping: asyncio.Task[int] | None = None

    def knows(self, moment: float) -> bool:
        """Whether all that was committed by a moment (of the clock's monotonic time) has been heard of and applied."""
        return self._caught_up_at >= moment

    async def learn(self, moment: float) -> bool:
        """Hear of all that was committed by a moment; whoever else needs it meanwhile shares the look.

        Returns False when it cannot be known within a second.
        """
        ends = self._clock.monotonic() + _LEARN_WITHIN_S
        while not self.knows(moment) and (left := ends - self._clock.monotonic()) > 0:
            joined = self._stepping is not None  # it may have begun too early for this moment
            step = self._step_under_way()
            await asyncio.wait({step}, timeout=left)
            if step.done() and (step.exception() is not None or (not joined and step.result() < _BATCH)):
                break
        return self.knows(moment)

    async def step(self) -> int:
        """Hear of what is new and apply it; returns how many rows have got their position."""
        return await asyncio.shield(self._step_under_way())

    def _step_under_way(self) -> "asyncio.Task[int]":
        if self._stepping is None:
            self._stepping = asyncio.create_task(self._step())
            self._stepping.add_done_callback(self._stepped)
        return self._stepping

    def _stepped(self, step: "asyncio.Task[int]") -> None:
        self._stepping = None
        if not step.cancelled():
            step.exception()  # it was raised where the step was awaited, if anywhere

    async def _step(self) -> int:
        asked_at = self._clock.monotonic()
        async with self._database.connection() as connection:
            if self._position is None:
                self._position = await head(connection)
            rows = await connection.fetch(_SQL["hear"], self._position, _BATCH, _MOST_UNSTAMPED)
        if rows:
            await self._apply([Heard(row["type"], row["subject"], row["sequence"]) for row in rows])
        stamped = [row["position"] for row in rows if row["position"] is not None]
        self._position = max(stamped, default=self._position)
        if len(stamped) < _BATCH and len(rows) - len(stamped) < _MOST_UNSTAMPED:
            self._caught_up_at = asked_at
        return len(stamped)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop`."""
        await repeat(self.step, stop, name="tail", poll_s=self._poll_s)


async def lags(connection: Tx) -> dict[str, int]:
    """How many positions each follower's cursor is behind the head."""
    return {row["name"]: row["behind"] for row in await connection.fetch(_SQL["lags"])}


async def unstamped(connection: Tx) -> tuple[int, float]:
    """How many committed rows wait for their position, and for how many seconds the oldest has."""
    row = await connection.fetchrow(_SQL["unstamped"])
    return (0, 0.0) if row is None else (row["rows"], row["oldest_s"])


async def head(connection: Tx) -> int:
    """The last position that was given."""
    return int(await connection.fetchval(_SQL["head"]))


async def read(connection: Tx, after: int, limit: int = _BATCH) -> list[LogRow]:
    """A batch of the rows that follow a position, in their order: gapless, so the first one is `after` + 1 if it is kept."""
    return [LogRow._make(row) for row in await connection.fetch(_SQL["read_log"], after, limit)]


async def repeat(step: Callable[[], Awaitable[int]], stop: asyncio.Event, *, name: str, poll_s: float) -> None:
    """Take steps until `stop`, going on after any failure, slower and slower up to every 5 s.

    Args:
        step: returns how many rows it handled; after a full batch the next one follows at once.
        stop: ends it.
        name: in metrics and logs.
        poll_s: seconds from the beginning of a step to that of the next.
    """
    failures = 0
    while not stop.is_set():
        begun = time.monotonic()
        pause = poll_s
        try:
            if await step() >= _BATCH:
                pause = 0
            failures = 0
        except Exception as error:  # noqa: BLE001 - whatever it is, the log must go on being read
            failures += 1
            pause = min(_LONGEST_BACKOFF_S, poll_s * 2**failures)
            metrics.FOLLOWER_ERRORS.labels(name).inc()
            _log.warning("log.step_failed", follower=name, failures=failures, exc_info=error)
        # From the step's beginning on: what takes long because much is asked of this process must not fall behind.
        await wait_for(stop, max(0.0, pause - (time.monotonic() - begun)))


async def wait_for(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not past `stop`."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
