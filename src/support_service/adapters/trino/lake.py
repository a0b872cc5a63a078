"""The lake on Trino: the timeline view over the catalogs of all sources."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from support_service.adapters.trino.catalogs import WATCH_S, Catalogs
from support_service.adapters.trino.client import TrinoClient
from support_service.adapters.trino.decoding import Kind, decoded
from support_service.adapters.trino.errors import TrinoError
from support_service.adapters.trino.literals import text_literal, timestamp_literal
from support_service.adapters.trino.views import plain_view, source_view
from support_service.ports.lake import LakeError, LakeRow

_PROBE_S = 2.0
_MOMENT: Kind = "timestamp with time zone"
_ROW: tuple[Kind, ...] = ("varchar", "varchar", "varchar", "varchar", "bigint", "varchar", _MOMENT, "varchar")
_COLUMNS = "source, entity_id, customer_id, order_id, version, kind, occurred_at AT TIME ZONE 'UTC', data"
_ORDER = "ORDER BY occurred_at DESC, source, entity_id, version DESC"


class TrinoLake:
    """Fulfils `ports.lake.Lake`. It connects when it is first asked, and again by itself after it was away."""

    def __init__(self, client: TrinoClient, *, view: str, sources: Sequence[str], watch_s: float = WATCH_S) -> None:
        """Read the views that `apply_view` makes, which need not be there yet.

        All sources are read through the view itself. Some of them are read through their own views, as Trino analyses all
        that a view names, and a catalog that is away would fail that even when no row of it is wanted.

        Args:
            client: closed with the lake.
            view: the timeline view: catalog.schema.name.
            sources: the names of all sources.
            watch_s: seconds between two looks at a catalog that is away.
        """
        self._client = client
        self._view = plain_view(view)
        self._views = {source: source_view(view, source) for source in sources}
        self._catalogs = Catalogs(self._probe, tuple(sources), watch_s=watch_s)

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        """The newest facts about these orders, newest first, in one query."""
        orders = _literals(order_ids)
        if not orders or not sources:
            return []
        statement = (
            f"SELECT {_COLUMNS} FROM {self._from(sources)} WHERE order_id IN ({orders})"  # noqa: S608 - literals, plain names
            f" AND occurred_at >= {timestamp_literal(since)} {_ORDER} LIMIT {int(limit)}"
        )
        return [LakeRow(*row) for row in await self._ask(statement, _ROW, sources, deadline_s)]

    async def newest_orders(
        self, customer_ids: Sequence[str], *, limit: int, deadline_s: float
    ) -> dict[str, list[str]]:
        """The ids of each customer's newest orders, newest first, in one query."""
        customers = _literals(customer_ids)
        if not customers:
            return {}
        statement = (
            "SELECT customer_id, order_id FROM (SELECT customer_id, order_id, row_number() OVER"  # noqa: S608 - likewise
            " (PARTITION BY customer_id ORDER BY min(occurred_at) DESC, order_id DESC) AS place"
            f" FROM {self._views['order']} WHERE customer_id IN ({customers}) GROUP BY customer_id, order_id)"
            f" WHERE place <= {int(limit)} ORDER BY customer_id, place"
        )
        found: dict[str, list[str]] = {}
        for customer_id, order_id in await self._ask(statement, ("varchar", "varchar"), ("order",), deadline_s):
            found.setdefault(customer_id, []).append(order_id)
        return found

    async def ping(self, *, deadline_s: float) -> None:
        """Return once every source can be queried: this also warms what the first query of a Trino just started waits for."""
        await self._ask(_nothing_of(self._view), ("bigint",), tuple(self._views), deadline_s)

    async def close(self) -> None:
        """Take back what is under way, and close every connection."""
        await self._catalogs.close()
        await self._client.close()

    def _from(self, sources: Collection[str]) -> str:
        wanted = [view for source, view in self._views.items() if source in sources]
        if len(wanted) == len(self._views):
            return self._view
        return f"({' UNION ALL '.join(f'SELECT * FROM {view}' for view in wanted)})"  # noqa: S608 - plain names

    async def _ask(
        self, statement: str, kinds: Sequence[Kind], sources: Collection[str], deadline_s: float
    ) -> list[list[Any]]:
        self._refuse_those_away(sources)
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        try:
            answer = await self._client.query(statement, deadline_s=deadline_s)
            return decoded(answer.columns, answer.rows, kinds)
        except TrinoError as error:
            if error.perhaps_one_catalog:
                await asyncio.wait({self._catalogs.look()}, timeout=max(0.0, until - loop.time()))
                self._refuse_those_away(sources)
            raise LakeError(error.reason) from error

    def _refuse_those_away(self, sources: Collection[str]) -> None:
        away = self._catalogs.away_among(sources)
        if away is not None:
            raise LakeError("unavailable", away)

    async def _probe(self, source: str) -> None:
        await self._client.query(_nothing_of(self._views[source]), deadline_s=_PROBE_S)


def _nothing_of(view: str) -> str:
    """A query that must reach every catalog below a view, and finds nothing: no order has the empty id."""
    return f"SELECT version FROM {view} WHERE order_id = '' LIMIT 1"  # noqa: S608 - a plain name


def _literals(ids: Iterable[str]) -> str:
    """Ids as a list of literals, without those that no database holds: PostgreSQL would refuse all for one NUL."""
    return ", ".join(text_literal(one) for one in ids if "\x00" not in one and _is_unicode(one))


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
