"""A shop over real databases, one a service, read by a real Trino; for tests of the lake on it."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from support.shop import VIEW
from support_service.adapters.trino import SignIn, TrinoClient, TrinoLake, apply_view
from support_service.demo.facts import ShopFact
from support_service.demo.tables import SQL
from support_service.kit.database import Database
from support_service.sources import SOURCES

if TYPE_CHECKING:
    from support.stack import SharedStack

SOURCE_NAMES = tuple(source.name for source in SOURCES)
CATALOG_OF: Mapping[str, str] = {source.name: source.service for source in SOURCES}
_LOCK = 8_360_002


@dataclass(frozen=True, slots=True)
class TrinoShop:
    """What `support.shop.Shop` is, where each source has a database of its own."""

    url: str
    view: str
    selects: Mapping[str, str]
    databases: Mapping[str, Database]
    client: TrinoClient

    async def add(self, facts: Iterable[ShopFact]) -> None:
        """Let the shop's services write facts down, each in its own database."""
        for fact in facts:
            async with self.databases[fact.source].transaction() as tx:
                await tx.execute(SQL[f"add_{fact.source}"], *fact.row())

    async def execute(self, statement: str) -> None:
        """Run a statement in Trino; what it says of the timeline view is done to the sources' views as well."""
        for view in (self.view, *(f"{self.view}_{name}" for name in SOURCE_NAMES)):
            await self.query(statement.replace(VIEW, view))

    async def query(self, statement: str) -> list[list[object]]:
        """The rows of a statement."""
        return (await self.client.query(statement, deadline_s=30)).rows

    def lake(self, *, watch_s: float = 0.5) -> TrinoLake:
        """A lake of its own client."""
        return TrinoLake(TrinoClient(self.url), view=self.view, sources=SOURCE_NAMES, watch_s=watch_s)

    async def running(self) -> int:
        """How many queries of the service Trino is working on."""
        return await self._queries("state NOT IN ('FINISHED', 'FAILED')")

    async def asked(self, order_id: str) -> int:
        """How many queries of the service about an order Trino was ever sent."""
        return await self._queries(f"strpos(query, '{order_id}') > 0")

    async def _queries(self, which: str) -> int:
        [[count]] = await self.query(
            f"SELECT count(*) FROM system.runtime.queries WHERE source = 'support-service' AND {which}"
        )
        assert isinstance(count, int)
        return count


@contextlib.asynccontextmanager
async def open_trino_shop(stack: "SharedStack") -> AsyncIterator[TrinoShop]:
    """The run's Trino and the databases below it, emptied, for this test alone: others wait their turn."""
    trino, postgres = stack["trino"], stack["postgres"]
    turn = await asyncpg.connect(postgres.url, timeout=10)
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(turn.close)
        await turn.execute("SELECT pg_advisory_lock($1)", _LOCK)
        client = TrinoClient(trino.url, source="test", sign_in=SignIn(user="test"), patience_s=30)
        opened.push_async_callback(client.close)
        databases: dict[str, Database] = {}
        for source in SOURCES:
            database = Database(postgres[f"shop_{source.service}"], name="test-trino", max_size=2)
            opened.push_async_callback(database.close)
            async with database.connection() as connection:
                await connection.execute(f"TRUNCATE {trino[source.service].partition('.')[2]}")
            databases[source.name] = database
        selects = {source.name: source.select.replace("{table}", trino[source.service]) for source in SOURCES}
        view = f"{trino['view_schema']}.vw_support_case_timeline"
        await apply_view(client, view=view, selects=selects)
        yield TrinoShop(trino.url, view, selects, databases, client)
