"""Trino in trouble below the whole service: the timeline answers with every fact, and says truly who told them."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from support.engines import FROM_LAKE, FROM_REST, customer, enriched, ids, open_cases, standing, tell, uncached
from support.service import Person, RunningService, another_api, eventually
from support.trino import TrinoShop
from support_service.adapters.trino import TrinoClient, TrinoError

if TYPE_CHECKING:
    from tools.stack import Proxies, Running

pytestmark = pytest.mark.timeout(400, func_only=True)

MAY_QUEUE = 20
MAY_RUN = 4
"""Of the service's queries, in the stack's Trino."""

NEEDS_FRAUD = "SELECT count(*) FROM fraud.shop.fraud_history"
BY_REST_ALONE = {"fraud": ("ok", "rest")}


@dataclass(frozen=True, slots=True)
class Case:
    """A case and the facts of its order."""

    agent: Person
    ticket_id: str
    facts: frozenset[str]

    async def read(self, *, url: str | None = None) -> Mapping[str, tuple[str, str]]:
        """Who told the facts of a page that is put together now: all of them, each source as of when it was asked."""
        agent = self.agent if url is None else Person(self.agent.session, url, self.agent.token)
        asked = datetime.now(UTC)
        found = await agent.get(uncached(self.ticket_id))
        answered = datetime.now(UTC)
        assert ids(found) == self.facts
        for source in found["sources"]:
            as_of = datetime.fromisoformat(source["as_of"])
            if source["status"] == "ok":
                assert asked - timedelta(milliseconds=1) <= as_of <= answered
            else:  # on a busy machine a service may take longer than it is given; what is stored then tells the same
                assert (source["status"], source["served_from"]) == ("stale", "context")
                assert as_of < asked
            assert source["truncated"] is False
        return standing(found)

    async def until(self, expected: Mapping[str, tuple[str, str]], *, within_s: float = 150) -> None:
        """Read until it is answered so."""

        async def so() -> bool:
            return await self.read() == expected

        await eventually(so, within_s=within_s)


@pytest.fixture
def service(on_engines: RunningService) -> RunningService:
    return on_engines


@pytest.fixture
async def case(service: RunningService, trino_shop: TrinoShop) -> Case:
    """A case that the lake answers for, whose facts are stored as well."""
    facts = await tell(service, trino_shop, "o-0", customer(service, 0))
    agent = service.person("AGENT", teams=("orders",))
    (ticket_id,) = await open_cases(service, agent, range(1))
    await enriched(service, 2)
    case = Case(agent, ticket_id, frozenset(f"{fact.source}:{fact.entity_id}:{fact.version}" for fact in facts))
    await case.until(FROM_LAKE)
    return case


def refusals(name: str) -> float:
    """How often Trino has refused with this error, as this process counts them: API and worker run in it."""
    return REGISTRY.get_sample_value("support_trino_errors_total", {"error": name}) or 0.0


async def test_while_trino_starts_the_services_answer_and_then_the_lake_again(
    service: RunningService, case: Case, trino: "Running", alone: None
) -> None:
    await asyncio.to_thread(trino.kill)
    await case.until(FROM_REST)
    before, url = refusals("SERVER_STARTING_UP"), trino.url
    starting = asyncio.create_task(asyncio.to_thread(trino.start))
    await eventually(lambda: asyncio.to_thread(says_that_it_starts, url), within_s=60)
    async with another_api(service) as second_url:  # its breaker has not heard yet that Trino was away
        found = [await case.read(url=second_url)]
        while refusals("SERVER_STARTING_UP") == before:
            found.append(await case.read(url=second_url))
    assert FROM_LAKE not in found
    await starting
    await case.until(FROM_LAKE)


def says_that_it_starts(url: str) -> bool:
    """Whether Trino listens, and says that it is not there yet."""
    try:
        with urllib.request.urlopen(f"{url}/v1/info", timeout=1) as answer:  # noqa: S310 - the test's own Trino
            return json.load(answer)["starting"] is True
    except (OSError, ValueError):
        return False


async def test_while_trino_has_too_much_to_do_the_services_answer_and_then_the_lake_again(
    case: Case, trino_shop: TrinoShop, alone: None
) -> None:
    async with fraud_locked(trino_shop), flooded(trino_shop):
        before = refusals("QUERY_QUEUE_FULL")
        await case.until(FROM_REST)
        assert refusals("QUERY_QUEUE_FULL") > before
    await case.until(FROM_LAKE)


@contextlib.asynccontextmanager
async def fraud_locked(shop: TrinoShop) -> AsyncIterator[None]:
    """Every query that needs the fraud service's table waits; its REST service reads another one."""
    async with shop.databases["fraud"].transaction() as tx:
        await tx.execute("LOCK TABLE shop.fraud_history IN ACCESS EXCLUSIVE MODE")
        yield


@contextlib.asynccontextmanager
async def flooded(shop: TrinoShop) -> AsyncIterator[None]:
    """As many of the service's queries run and wait in Trino as may."""
    most = MAY_QUEUE + MAY_RUN
    client = TrinoClient(shop.url, source="support-service-flood", in_flight=most)

    async def stuck() -> None:
        while True:
            with contextlib.suppress(TrinoError):
                await client.query(NEEDS_FRAUD, deadline_s=25)

    flood = [asyncio.create_task(stuck()) for _ in range(most)]
    try:
        await eventually(lambda: queued(shop), within_s=30)
        yield
    finally:
        for one in flood:
            one.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        await client.close()


async def queued(shop: TrinoShop) -> bool:
    """Whether no more may wait."""
    [[count]] = await shop.query(
        "SELECT count(*) FROM system.runtime.queries WHERE state = 'QUEUED' AND source LIKE 'support-service%'"
    )
    return count == MAY_QUEUE


async def test_a_query_over_its_time_limit_leaves_the_source_it_waits_for_to_its_service(
    service: RunningService, case: Case, trino_shop: TrinoShop, alone: None
) -> None:
    with limited(service):
        before = refusals("EXCEEDED_TIME_LIMIT")
        async with fraud_locked(trino_shop):
            await case.until(FROM_LAKE | BY_REST_ALONE)
        assert refusals("EXCEEDED_TIME_LIMIT") > before
    await case.until(FROM_LAKE)


@contextlib.contextmanager
def limited(service: RunningService) -> Any:
    """Trino itself allows the API's queries less time than the service does."""
    lake: Any = service.api.sources._lake
    properties: dict[str, str] = lake._lake._client._properties
    properties["query_max_execution_time"] = "900ms"
    try:
        yield
    finally:
        del properties["query_max_execution_time"]


@pytest.mark.parametrize("silent", [lambda proxy: proxy.silent(), lambda proxy: proxy.slow(60_000)])
async def test_a_catalog_that_accepts_and_says_nothing_leaves_only_its_own_source_to_its_service(
    case: Case, proxies: "Proxies", silent: Callable[[Any], Any], alone: None
) -> None:
    with silent(proxies["fraud"]):
        await case.until(FROM_LAKE | BY_REST_ALONE)
    await case.until(FROM_LAKE)
