"""Who looked and who was refused.

Looking at a case is recorded for every agent, case and minute once, in batches: at most what was seen within the last
second is lost with a killed process. A refusal is recorded at once, before it is answered.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from support_service.activity import metrics, store
from support_service.activity.service import record
from support_service.activity.store import View
from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database, DatabaseError, LostConnection
from support_service.kit.problems import Problem

FLUSH_EVERY_S = 1.0
BATCH = 500
MOST_WAITING = 5_000
"""Views that may wait while the database is away; the next one is written before its reader is answered."""

_MINUTE = timedelta(minutes=1)
_MOST_SEEN = 100_000
"""Views remembered within a minute; the database refuses a second row for the same all by itself."""

_log = logs.get_logger(__name__)


class Denials:
    """Records refusals."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    async def denied(self, agent_id: UUID, action: str, ticket_id: UUID | None = None, **detail: object) -> None:
        """Record that somebody was refused something; when it cannot be recorded, this raises and nothing is answered.

        Args:
            agent_id: who.
            action: what was refused, as a code, such as `role.refused`.
            ticket_id: the case asked for.
            detail: ids and codes; see `record`.
        """
        async with self._database.transaction() as tx:
            await record(tx, agent_id=agent_id, action=action, ticket_id=ticket_id, detail=detail)
        metrics.DENIALS.labels(action).inc()
        _log.warning("access.denied", denied=action, **detail)


class ViewRecorder(Denials):
    """Records who looked at which case, besides refusals."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to this database; `run` does it every second."""
        super().__init__(database)
        self._database = database
        self._clock = clock
        self._waiting: list[View] = []
        self._minute = datetime.min.replace(tzinfo=UTC)
        self._seen: set[tuple[int, int]] = set()
        self._writing = asyncio.Lock()
        self._full = asyncio.Event()

    async def viewed(self, agent_id: UUID, ticket_id: UUID, *, request_id: str | None = None) -> None:
        """Have it recorded that somebody is shown a case; returns at once, unless too many views wait already."""
        now = self._clock.now()
        if not self._minute <= now < self._minute + _MINUTE or len(self._seen) >= _MOST_SEEN:
            self._minute = now.replace(second=0, microsecond=0)
            self._seen.clear()
        look = (agent_id.int, ticket_id.int)  # a UUID's own hash is slow
        if look in self._seen:
            return
        self._seen.add(look)
        self._waiting.append(View(now, agent_id, ticket_id, request_id))
        if len(self._waiting) > MOST_WAITING:
            await self.flush(mode="direct")
        elif len(self._waiting) >= BATCH:
            self._full.set()

    async def flush(self, *, mode: str = "batch") -> None:
        """Write everything that waits; what could not be written goes on waiting.

        Raises:
            DatabaseUnavailable: and whatever else the database may say.
        """
        async with self._writing:
            metrics.VIEWS_WAITING.set(len(self._waiting))
            while self._waiting:
                batch = self._waiting[:BATCH]
                async with self._database.connection() as connection:
                    await store.insert_views(connection, batch)
                del self._waiting[: len(batch)]
                metrics.VIEWS_WRITTEN.labels(mode).inc(len(batch))
                metrics.VIEWS_WAITING.set(len(self._waiting))

    async def run(self, stop: asyncio.Event) -> None:
        """Write every second, or when many wait, until `stop`; then write what is left."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                full = asyncio.create_task(self._full.wait())
                await asyncio.wait({stopped, full}, timeout=FLUSH_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                full.cancel()
                self._full.clear()
                await self._try_to_flush()
        finally:
            stopped.cancel()

    async def _try_to_flush(self) -> None:
        try:
            await self.flush()
        except (DatabaseError, Problem, *LostConnection) as error:
            metrics.VIEW_FAILURES.inc()
            _log.warning("activity.views_not_written", waiting=len(self._waiting), exc_info=error)
