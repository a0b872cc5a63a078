"""Shop events from a table of PostgreSQL, read by position: the broker of one machine.

The table's writer commits positions in their order, so reading past the last one loses nothing. As with a broker the
offsets of consumer groups are kept beside the events.
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import TypeVar

from support_service.kit.database import Database, DatabaseError, LostConnection
from support_service.kit.problems import Unavailable
from support_service.ports.events import EventSourceError, Record

_POLL_S = 0.05
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_Answer = TypeVar("_Answer")


class EmbeddedEvents:
    """Fulfils `ports.events.EventSource`; partition is always 0 and the offset is the position."""

    def __init__(
        self, dsn: str, *, group: str, events: str = "shop.events", offsets: str = "shop.event_offsets"
    ) -> None:
        """Read events from a database, which need not be up yet.

        Args:
            dsn: a libpq URL of a role that reads `events` and writes `offsets`.
            group: the consumer group whose offset this is.
            events: table of position, topic, key, value (bytes) and occurred_at.
            offsets: table of consumer_group (its key) and position.
        """
        for name in (events, offsets):
            if not _NAME.fullmatch(name):
                message = f"not a plain table name: {name!r}"
                raise ValueError(message)
        self._database = Database(dsn, name="support-events", max_size=1)
        self._group = group
        self._polled: int | None = None
        self._committed: int | None = None
        self._read = (
            f"SELECT position, topic, key, value, occurred_at FROM {events}"  # noqa: S608 - a plain name, checked above
            " WHERE position > $1 ORDER BY position LIMIT $2"
        )
        self._offset = f"SELECT position FROM {offsets} WHERE consumer_group = $1"  # noqa: S608 - likewise
        self._move = (
            f"INSERT INTO {offsets} AS kept (consumer_group, position) VALUES ($1, $2)"  # noqa: S608 - likewise
            " ON CONFLICT (consumer_group) DO UPDATE SET position = greatest(kept.position, excluded.position)"
        )

    async def poll(self, *, max_records: int, timeout_s: float) -> list[Record]:
        """The next records; empty when there was none for `timeout_s` seconds."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            records = await _answered(self._next(max_records))
            left = deadline - asyncio.get_running_loop().time()
            if records or left <= 0:
                return records
            await asyncio.sleep(min(_POLL_S, left))

    async def commit(self) -> None:
        """Keep the offset of everything polled so far."""
        if self._polled != self._committed:
            await _answered(self._keep(self._polled))
            self._committed = self._polled

    async def close(self) -> None:
        """Close the pool."""
        await self._database.close()

    async def _next(self, max_records: int) -> list[Record]:
        async with self._database.connection() as connection:
            if self._polled is None:
                self._polled = self._committed = await connection.fetchval(self._offset, self._group) or 0
            rows = await connection.fetch(self._read, self._polled, max_records)
        if rows:
            self._polled = rows[-1]["position"]
        return [
            Record(
                row["topic"], 0, row["position"], row["key"].encode(), row["value"], (), row["occurred_at"].timestamp()
            )
            for row in rows
        ]

    async def _keep(self, position: int | None) -> None:
        async with self._database.connection() as connection:
            await connection.execute(self._move, self._group, position)


async def _answered(work: Awaitable[_Answer]) -> _Answer:
    try:
        return await work
    except (Unavailable, DatabaseError, *LostConnection) as error:
        raise EventSourceError from error
