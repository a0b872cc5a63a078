"""The lake of one machine: the timeline view in PostgreSQL, read with a role and a small pool of its own."""

import asyncio
import re
from collections.abc import Collection, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from support_service.kit.database import Database, DatabaseError, LostConnection, Row
from support_service.kit.problems import Unavailable
from support_service.ports.lake import LakeError, LakeReason, LakeRow

_CONNECTIONS = 4
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_REASONS: tuple[tuple[str, LakeReason], ...] = (
    ("57014", "timeout"),  # query_canceled
    ("57P03", "starting"),  # cannot_connect_now
    ("08", "unavailable"),  # connection exceptions
    ("28", "unavailable"),  # the role may not log in
    ("57P", "unavailable"),  # shut down, or its session was ended
    ("53", "limit"),  # insufficient resources, too many connections
)
"""SQLSTATE (PostgreSQL, appendix A) by its beginning; any other says that the query is at fault."""

_Answer = TypeVar("_Answer")


class EmbeddedLake:
    """Fulfils `ports.lake.Lake`. It connects when it is first asked, and again by itself after it was away."""

    def __init__(self, dsn: str, *, view: str) -> None:
        """Read a view of a database, which need not be up yet.

        Args:
            dsn: a libpq URL of a role that may read the view.
            view: its name, qualified by its schema.
        """
        if not _NAME.fullmatch(view):
            message = f"not a plain view name: {view!r}"
            raise ValueError(message)
        self._database = Database(dsn, name="support-lake", max_size=_CONNECTIONS)
        self._given_up: set[asyncio.Task[Any]] = set()
        self._facts = (
            "SELECT source, entity_id, customer_id, order_id, version, kind, occurred_at, data"  # noqa: S608 - a plain name
            f" FROM {view} WHERE order_id = ANY ($1::text[]) AND source = ANY ($2::text[]) AND occurred_at >= $3"
            " ORDER BY occurred_at DESC, source, entity_id, version DESC LIMIT $4"
        )
        self._newest = (
            "SELECT customer_id, order_id FROM (SELECT customer_id, order_id, row_number() OVER"  # noqa: S608 - likewise
            " (PARTITION BY customer_id ORDER BY min(occurred_at) DESC, order_id DESC) AS place"
            f" FROM {view} WHERE source = 'order' AND customer_id = ANY ($1::text[]) GROUP BY customer_id, order_id)"
            " AS newest WHERE place <= $2 ORDER BY customer_id, place"
        )
        self._ping = f"SELECT FROM {view} LIMIT 0"

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        """The newest facts about these orders, newest first, in one query."""
        rows = await self._ask(deadline_s, self._facts, list(order_ids), sorted(sources), since, limit)
        return [LakeRow(*row) for row in rows]

    async def newest_orders(
        self, customer_ids: Sequence[str], *, limit: int, deadline_s: float
    ) -> dict[str, list[str]]:
        """The ids of each customer's newest orders, newest first, in one query."""
        found: dict[str, list[str]] = {}
        for row in await self._ask(deadline_s, self._newest, list(customer_ids), limit):
            found.setdefault(row["customer_id"], []).append(row["order_id"])
        return found

    async def ping(self, *, deadline_s: float) -> None:
        """Return once the view can be queried."""
        await self._ask(deadline_s, self._ping)

    async def close(self) -> None:
        """Close the pool."""
        await self._database.close()

    async def _ask(self, deadline_s: float, query: str, *arguments: object) -> Sequence[Row]:
        return await self._within(deadline_s, self._fetch(query, *arguments))

    async def _fetch(self, query: str, *arguments: object) -> Sequence[Row]:
        try:
            async with self._database.connection() as connection:
                return await connection.fetch(query, *arguments)
        except Unavailable as error:
            raise LakeError(_reason(error.__cause__)) from error
        except (DatabaseError, *LostConnection) as error:
            raise LakeError(_reason(error)) from error

    async def _within(self, deadline_s: float, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Wait no longer than the deadline, even when the server no longer answers the cancelling of its statement."""
        task = asyncio.create_task(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=deadline_s)
        finally:
            if not task.done():
                task.cancel()
                self._given_up.add(task)
                task.add_done_callback(self._forget)
        if not done:
            raise LakeError("timeout")
        return task.result()

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more


def _reason(error: BaseException | None) -> LakeReason:
    if isinstance(error, TimeoutError):
        return "timeout"
    if not isinstance(error, DatabaseError):
        return "unavailable"
    return next((reason for state, reason in _REASONS if str(error.sqlstate).startswith(state)), "rejected")
