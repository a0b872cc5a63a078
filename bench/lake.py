"""A real Trino below the service: the databases of the shop's services, each a catalog, and a timeline view over them."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from tools.stack import Stack

from support_service.adapters.trino import SignIn, TrinoClient, apply_view
from support_service.demo.facts import ShopFact
from support_service.demo.tables import copy_facts
from support_service.kit.database import Database
from support_service.sources import SOURCES, timeline_selects

SETTINGS: Mapping[str, str] = {"trino.heap": "2G"}
"""What a stack is started with that is to be measured: durable, compiled with care, with the memory that load needs."""

_VIEW = "vw_support_bench_timeline"
_COPY_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Lake:
    """Trino over databases that hold what was added, and nothing else."""

    url: str
    view: str
    roots: Mapping[str, int]
    """The process trees of Trino, and of the PostgreSQL below it."""
    databases: Mapping[str, Database]
    """Of each source, as their superuser."""
    client: TrinoClient
    """Signed in as a person: what it asks is not counted as the service's."""

    async def add(self, facts: Iterable[ShopFact]) -> None:
        """Let each of the shop's services know its facts."""
        told = list(facts)
        for source, database in self.databases.items():
            async with database.transaction() as tx:
                await copy_facts(tx, (fact for fact in told if fact.source == source))

    async def rows(self, statement: str) -> list[list[object]]:
        """The rows of a statement."""
        return (await self.client.query(statement, deadline_s=30)).rows


@contextlib.asynccontextmanager
async def open_lake(stack: Stack) -> AsyncIterator[Lake]:
    """The stack's Trino, started before, as a lake that holds nothing yet."""
    trino, postgres = stack["trino"], stack["postgres"]
    async with contextlib.AsyncExitStack() as opened:
        databases: dict[str, Database] = {}
        for source in SOURCES:
            database = Database(
                postgres[f"shop_{source.service}"],
                name="bench-lake",
                max_size=1,
                command_timeout_s=_COPY_TIMEOUT_S,
            )
            opened.push_async_callback(database.close)
            async with database.connection() as connection:
                await connection.execute(f"TRUNCATE {trino[source.service].partition('.')[2]}")
            databases[source.name] = database
        client = TrinoClient(trino.url, source="bench", sign_in=SignIn(user="bench"), patience_s=30)
        opened.push_async_callback(client.close)
        view = f"{trino['view_schema']}.{_VIEW}"
        tables = {source.name: trino[source.service] for source in SOURCES}
        await apply_view(client, view=view, selects=timeline_selects(tables))
        yield Lake(trino.url, view, {"trino": trino.pid, "shop-postgres": postgres.pid}, databases, client)
