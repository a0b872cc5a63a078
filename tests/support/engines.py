"""The service on real engines: what its tests ask of timelines, of Trino and of the shop told twice."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.postgres import DatabaseDsns
from support.service import Person, RunningService, eventually, running_service
from support.shop import every_fact
from support.trino import SOURCE_NAMES, TrinoShop
from support_service.demo.facts import ShopFact

if TYPE_CHECKING:
    from support.stack import SharedStack

FROM_LAKE = dict.fromkeys(SOURCE_NAMES, ("ok", "lake"))
FROM_REST = dict.fromkeys(SOURCE_NAMES, ("ok", "rest"))


@contextlib.asynccontextmanager
async def service_on_engines(
    stack: "SharedStack", shop: TrinoShop, dsns: DatabaseDsns, shop_dsn: str, folder: Path
) -> AsyncIterator[RunningService]:
    """A service on Trino and Redis; the shop's events and REST services are beside, and have to be told the same facts."""
    real: dict[str, Any] = {"trino_url": shop.url, "trino_view": shop.view, "redis_url": stack["redis"].url}
    async with running_service(dsns, shop_dsn, folder, **real) as running:
        agent = running.person("AGENT")
        warm = await agent.open_case(customer_id=f"{running.shop.lake_role}-warm", order_id="warm")
        await eventually(lambda: from_lake(agent, warm["ticket_id"]), within_s=150)
        yield running


def uncached(ticket_id: str) -> str:
    """The path of a timeline's page whose size is never cached."""
    return f"/support/cases/{ticket_id}/timeline?limit=99"


def standing(timeline: Any) -> dict[str, tuple[str, str]]:
    """Status and base of each source."""
    return {source["source"]: (source["status"], source["served_from"]) for source in timeline["sources"]}


async def from_lake(person: Person, ticket_id: str) -> bool:
    """Whether a timeline that is put together now comes from the lake alone."""
    return standing(await person.get(uncached(ticket_id))) == FROM_LAKE


def ids(timeline: Any) -> set[str]:
    """Which facts a timeline shows."""
    return {entry["entry_id"] for entry in timeline["entries"]}


async def queries(shop: TrinoShop) -> set[object]:
    """The ids of the timeline's queries by API processes that Trino remembers; the worker's tell of enrichment.

    It forgets them after two minutes: what a test has cost is the difference of two such sets.
    """
    rows = await shop.query(
        "SELECT query_id FROM system.runtime.queries"
        " WHERE source LIKE 'support-service-test-api%' AND query LIKE '%order_id IN%'"
    )
    return {query_id for (query_id,) in rows}


async def tell(service: RunningService, shop: TrinoShop, order_id: str, customer_id: str) -> list[ShopFact]:
    """Let the shop and its lake hold every kind of fact of an order."""
    facts = every_fact(order_id, customer_id)
    await shop.add(facts)
    await service.shop.add(facts)
    return facts


def customer(service: RunningService, n: int) -> str:
    """A customer whom no other test has: all share one Redis."""
    return f"{service.shop.lake_role}-{n}"


async def open_cases(service: RunningService, agent: Person, numbers: range) -> list[str]:
    """Open a case on the order `o-n` of each customer; gives their ids."""
    found = []
    for n in numbers:
        case = await agent.open_case(customer_id=customer(service, n), order_id=f"o-{n}")
        found.append(case["ticket_id"])
    return found


async def enriched(service: RunningService, cases: int) -> None:
    """Wait until the worker has read every case's context, so that its queries are not counted as a storm's."""

    async def all_of_them() -> bool:
        async with service.api.database.connection() as connection:
            count = await connection.fetchval("SELECT count(DISTINCT ticket_id) FROM support_case_context")
        return bool(count >= cases)

    await eventually(all_of_them, within_s=40)
