"""Due work: rows that say what is to be done and when, worked off by whoever claims them.

A claim is a lease: the row's time is moved ahead by the lease before the work starts, so work whose process dies is
taken up again by another, and nothing is held locked while it runs. Work may therefore run twice and must bear it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from support_service.kit import logs, metrics
from support_service.kit.clock import Clock
from support_service.kit.database import Database, DatabaseError, LostConnection, Tx
from support_service.kit.eventlog import wait_for
from support_service.kit.ids import new_id
from support_service.kit.problems import Problem
from support_service.kit.sql import load_queries

_SQL = load_queries("support_service.kit")
_LEASE = timedelta(seconds=60)
_CLAIMS = 8
_POLL_S = 0.2
_LONGEST_PAUSE_S = 300.0

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """One piece of work that has come due."""

    kind: str
    key: str
    attempts: int
    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Again:
    """What a worker returns to be called again, with the count of attempts back at nought."""

    at: datetime


class NotYet(Exception):  # noqa: N818 - not a failure: the work could only be done in part
    """The work is not complete; try again after the usual pause."""


Work = Callable[[Due], Awaitable[Again | None]]
"""Does one piece of work. Returning None ends it; raising tries it again, at 1, 2, 4 ... 300 s."""


async def schedule(tx: Tx, kind: str, key: str, at: datetime, payload: Mapping[str, Any] | None = None) -> None:
    """Have work done at a time, in the transaction that makes it necessary; replaces what was due under this key."""
    await tx.execute(_SQL["schedule"], kind, key, at, None if payload is None else dict(payload))


async def still_due(tx: Tx, due: Due) -> bool:
    """Whether this is still what is to be done, not replaced since it was claimed; it stays so until `tx` ends."""
    row = await tx.fetchrow(_SQL["lock_due"], due.kind, due.key)
    return row is not None and row["payload"] == due.payload


async def hold(tx: Tx, kind: str, key: str) -> None:
    """Let nobody be between `still_due` and the end of their transaction: wait for who is, others wait for `tx`."""
    await tx.fetchrow(_SQL["lock_due"], kind, key)


class DueWorker:
    """Claims due rows of the kinds it knows and works them off, a few at a time."""

    def __init__(
        self, database: Database, clock: Clock, work: Mapping[str, Work], *, periodic: tuple[str, ...]
    ) -> None:
        """Know these kinds of work; those in `periodic` exist once, from the first start on."""
        self._database = database
        self._clock = clock
        self._work = dict(work)
        self._periodic = periodic
        self._seeded = False

    async def step(self) -> int:
        """Claim what is due, work it off, return how many pieces."""
        now, claim = self._clock.now(), new_id()
        async with self._database.transaction() as tx:
            if not self._seeded:
                for kind in self._periodic:
                    await tx.execute(_SQL["schedule_once"], kind, "", now)
                self._seeded = True
            rows = await tx.fetch(_SQL["claim"], list(self._work), now, _CLAIMS, now + _LEASE, claim)
        claimed = [Due(**dict(row)) for row in rows]
        await asyncio.gather(*(self._attempt(due, claim) for due in claimed))
        return len(claimed)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, going on after any failure of the database."""
        while not stop.is_set():
            try:
                worked = await self.step()
            except (DatabaseError, Problem, *LostConnection) as error:
                worked = 0
                _log.warning("due.claim_failed", exc_info=error)
            await wait_for(stop, 0 if worked else _POLL_S)

    async def _attempt(self, due: Due, claim: UUID) -> None:
        outcome = "done"
        try:
            async with asyncio.timeout(_LEASE.total_seconds() * 0.8):
                again = await self._work[due.kind](due)
            async with self._database.connection() as connection:
                if again is None:
                    await connection.execute(_SQL["finish"], due.kind, due.key, claim)
                else:
                    await connection.execute(_SQL["postpone"], due.kind, due.key, claim, again.at, 0)
        except NotYet:
            outcome = "not_yet"
            await self._retry(due, claim)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work stays due
            outcome = "failed"
            _log.warning("due.failed", kind=due.kind, attempts=due.attempts, exc_info=error)
            await self._retry(due, claim)
        metrics.DUE_DONE.labels(due.kind, outcome).inc()

    async def _retry(self, due: Due, claim: UUID) -> None:
        pause = min(_LONGEST_PAUSE_S, 2.0 ** (due.attempts - 1))
        at = self._clock.now() + timedelta(seconds=pause)
        try:
            async with self._database.connection() as connection:
                await connection.execute(_SQL["postpone"], due.kind, due.key, claim, at, due.attempts)
        except (DatabaseError, Problem, *LostConnection) as error:
            _log.warning("due.postpone_failed", kind=due.kind, exc_info=error)  # the lease runs out by itself
