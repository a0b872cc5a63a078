"""The timeline on a real Trino over real databases, shared through a real Redis by two API processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.postgres import DatabaseDsns
from support.service import Person, RunningService, another_api, eventually, running_service
from support.shop import every_fact
from support.stack import SharedStack
from support.trino import TrinoShop, open_trino_shop
from support_service import wiring
from support_service.entrypoints.verify_cache import verified

if TYPE_CHECKING:
    from tools.stack import Proxies

SOURCES = ["order", "payment", "shipment", "fraud", "feedback"]
COLD_CASES = 300


@pytest.fixture
async def trino_shop(stack: SharedStack) -> AsyncIterator[TrinoShop]:
    async with open_trino_shop(stack) as shop:
        yield shop


@pytest.fixture
async def service(
    stack: SharedStack,
    trino_shop: TrinoShop,
    database_dsns: DatabaseDsns,
    empty_database_url: str,
    tmp_path: Path,
) -> AsyncIterator[RunningService]:
    """A service on Trino and Redis; the shop's events and REST services are beside, and told the same facts."""
    real: dict[str, Any] = {"trino_url": trino_shop.url, "trino_view": trino_shop.view, "redis_url": stack["redis"].url}
    async with running_service(database_dsns, empty_database_url, tmp_path, **real) as running:
        agent = running.person("AGENT")
        warm = await agent.open_case(customer_id=f"{running.shop.lake_role}-warm", order_id="warm")
        await eventually(lambda: from_lake(agent, warm["ticket_id"]), within_s=30)
        yield running


@pytest.fixture
async def second_url(service: RunningService) -> AsyncIterator[str]:
    async with another_api(service) as url:
        yield url


def standing(timeline: Any) -> dict[str, tuple[str, str]]:
    return {source["source"]: (source["status"], source["served_from"]) for source in timeline["sources"]}


async def from_lake(person: Person, ticket_id: str) -> bool:
    """Whether a timeline that is put together now comes from the lake alone."""
    found = await person.get(f"/support/cases/{ticket_id}/timeline?limit=99")  # a page of this size is never cached
    return standing(found) == dict.fromkeys(SOURCES, ("ok", "lake"))


def ids(timeline: Any) -> set[str]:
    return {entry["entry_id"] for entry in timeline["entries"]}


async def queries(shop: TrinoShop) -> int:
    """How many queries of the timeline the API processes have ever sent; the worker's tell of enrichment."""
    [[count]] = await shop.query(
        "SELECT count(*) FROM system.runtime.queries"
        " WHERE source LIKE 'support-service-test-api%' AND query LIKE '%order_id IN%'"
    )
    assert isinstance(count, int)
    return count


async def tell(service: RunningService, shop: TrinoShop, order_id: str, customer_id: str) -> list[Any]:
    facts = every_fact(order_id, customer_id)
    await shop.add(facts)
    await service.shop.add(facts)
    return facts


def customer(service: RunningService, n: int) -> str:
    """A customer whom no other test has: all share one Redis."""
    return f"{service.shop.lake_role}-{n}"


async def open_cases(service: RunningService, agent: Person, numbers: range) -> list[str]:
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


@pytest.mark.timeout(120, func_only=True)
async def test_one_cold_case_that_both_processes_are_asked_for_at_once_costs_one_query(
    service: RunningService, second_url: str, trino_shop: TrinoShop
) -> None:
    facts = await tell(service, trino_shop, "o-0", customer(service, 0))
    agent = service.person("AGENT", teams=("orders",))
    (ticket_id,) = await open_cases(service, agent, range(1))
    await enriched(service, 2)
    other = replace(agent, url=second_url)
    before = await queries(trino_shop)
    path = f"/support/cases/{ticket_id}/timeline"
    answers = await asyncio.gather(*(person.get(path) for person in [agent, other] * 60))
    assert await queries(trino_shop) - before == 1
    for timeline in answers:
        assert ids(timeline) == {f"{fact.source}:{fact.entity_id}:{fact.version}" for fact in facts}


@pytest.mark.timeout(240, func_only=True)
async def test_hundreds_of_cold_cases_at_once_cost_six_queries_at_most_and_all_come_from_the_lake(
    service: RunningService, second_url: str, trino_shop: TrinoShop
) -> None:
    """A busy machine's Trino may pass a read's deadline, and REST then answers: of three storms one must be clean."""
    agent = service.person("AGENT", teams=("orders",))
    other = replace(agent, url=second_url)
    clean = []
    for storm in range(3):
        tickets = await open_cases(service, agent, range(storm * COLD_CASES, (storm + 1) * COLD_CASES))
        await enriched(service, (storm + 1) * COLD_CASES + 1)
        before = await queries(trino_shop)
        people = [agent, other]
        answers = await asyncio.gather(
            *(people[n % 2].get(f"/support/cases/{ticket}/timeline") for n, ticket in enumerate(tickets))
        )
        assert 1 <= await queries(trino_shop) - before <= 6
        assert all(entry["status"] == "ok" for timeline in answers for entry in timeline["sources"])
        clean.append({tuple(standing(timeline).values()) for timeline in answers} == {(("ok", "lake"),) * len(SOURCES)})
        if clean[-1]:
            break
    assert any(clean)


@pytest.mark.timeout(180, func_only=True)
async def test_verifying_the_shared_pages_of_many_cases_costs_trino_a_query_or_two(
    service: RunningService, trino_shop: TrinoShop
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    for n in range(3):
        await tell(service, trino_shop, f"o-{n}", customer(service, n))
    tickets = await open_cases(service, agent, range(30))
    await enriched(service, 31)
    await asyncio.gather(*(agent.timeline(ticket_id) for ticket_id in tickets))
    before = await queries(trino_shop)
    report = await verified(wiring.Services(service.api.settings, name="test-api-verify"), cases=50, at_most_s=60)
    assert await queries(trino_shop) - before <= 2
    assert report.compared > 0
    assert (report.cases, report.compared + report.not_cached, report.past_promise) == (31, 31, 0)
    assert report.status == 0


@pytest.mark.timeout(120, func_only=True)
async def test_an_event_shows_in_the_other_process_though_the_page_is_cached_in_both_and_in_redis(
    service: RunningService, second_url: str, trino_shop: TrinoShop
) -> None:
    facts = [fact for fact in every_fact("o-0", customer(service, 0)) if fact.source == "order"]
    await trino_shop.add(facts[:1])
    agent = service.person("AGENT", teams=("orders",))
    (ticket_id,) = await open_cases(service, agent, range(1))
    other = replace(agent, url=second_url)
    for person in (agent, other):
        assert ids(await person.timeline(ticket_id)) == {"order:o-0:1"}
    await service.shop.add(facts[1:2])  # by event only: the lake lags

    def shown_to(person: Person) -> Callable[[], Any]:
        async def shown() -> bool:
            return ids(await person.timeline(ticket_id)) == {"order:o-0:1", "order:o-0:2"}

        return shown

    for person in (other, agent):
        await eventually(shown_to(person))


@pytest.mark.timeout(180, func_only=True)
async def test_a_catalog_that_is_cut_off_takes_only_its_own_source_to_rest(
    service: RunningService, trino_shop: TrinoShop, proxies: "Proxies", alone: None
) -> None:
    await tell(service, trino_shop, "o-0", customer(service, 0))
    agent = service.person("AGENT", teams=("orders",))
    (ticket_id,) = await open_cases(service, agent, range(1))
    path = f"/support/cases/{ticket_id}/timeline?limit=99"  # a page of this size is never cached
    await eventually(lambda: from_lake(agent, ticket_id), within_s=30)
    whole = await agent.get(path)

    async def only_payments_from_rest() -> bool:
        found = await agent.get(path)
        assert ids(found) == ids(whole)
        expected = {source: ("ok", "rest" if source == "payment" else "lake") for source in SOURCES}
        return standing(found) == expected

    with proxies["payments"].cut():
        await eventually(only_payments_from_rest, within_s=60)


@pytest.mark.timeout(180, func_only=True)
async def test_with_redis_gone_everything_goes_on_and_with_trino_gone_too_rest_answers(
    service: RunningService, trino_shop: TrinoShop, stack: SharedStack, alone: None
) -> None:
    await tell(service, trino_shop, "o-0", customer(service, 0))
    agent = service.person("AGENT", teams=("orders",))
    (ticket_id,) = await open_cases(service, agent, range(1))
    stack["redis"].stop()
    assert ids(await agent.timeline(ticket_id))
    await eventually(lambda: from_lake(agent, ticket_id), within_s=30)
    stack["trino"].pause()
    found = await agent.get(f"/support/cases/{ticket_id}/timeline?limit=99")
    assert standing(found) == dict.fromkeys(SOURCES, ("ok", "rest"))
