"""A minute under load in which Trino is killed and comes back: what readers get, and what that costs the sources.

It is judged by content and by counts, so it holds on a busy machine: a source may then be answered from what is stored, never
by nobody.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from support.engines import FROM_LAKE, FROM_REST, customer, enriched, open_cases, queries, standing, tell, uncached
from support.service import Person, RunningService, another_api, eventually
from support.trino import SOURCE_NAMES, TrinoShop
from support_service.sources.batching import IN_FLIGHT
from support_service.sources.breaker import FAILURES
from support_service.sources.probing import LAKE_PROBE_S
from support_service.timeline.service import DEGRADED_FRESH_S

if TYPE_CHECKING:
    from tools.stack import Running

CASES = 12
HOT_READERS = 10
HOT_PAUSE_S = 0.05
COLD_PAUSE_S = 0.5
HEALTHY_S = 8
AWAY_S = 14
PROCESSES = 3
"""Two of the API and the worker, all of which count in this process."""

NEVER_WRONG = {("ok", "lake"), ("ok", "rest"), ("stale", "context")}


@dataclass
class Load:
    """Readers of some cases through two processes, who look at all they get."""

    people: list[Person]
    truth: Mapping[str, Any]
    """The entries of each case."""
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    hot: int = 0
    cold: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, person: Person, ticket_id: str, path: str) -> None:
        answer = await person.ask("GET", path)
        assert answer.status == 200
        assert answer.body["entries"] == self.truth[ticket_id]
        found = standing(answer.body).values()
        assert set(found) <= NEVER_WRONG
        self.said.update(found)

    async def read_hot(self, places: Iterator[tuple[Person, str]]) -> None:
        while not self.over.is_set():
            person, ticket_id = next(places)
            await self.read(person, ticket_id, f"/support/cases/{ticket_id}/timeline")
            self.hot += 1
            await asyncio.sleep(HOT_PAUSE_S)

    async def read_cold(self, places: Iterator[tuple[Person, str]]) -> None:
        while not self.over.is_set():
            person, ticket_id = next(places)
            await self.read(person, ticket_id, uncached(ticket_id))
            self.cold += 1
            await asyncio.sleep(COLD_PAUSE_S)

    def places(self) -> Iterator[tuple[Person, str]]:
        return cycle([(person, ticket_id) for ticket_id in self.truth for person in self.people])


@pytest.fixture
def service(on_engines: RunningService) -> RunningService:
    return on_engines


def total(metric: str, **labels: str) -> float:
    """What a metric has counted in this process, over all labels that are not given."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == metric and labels.items() <= sample.labels.items()
    )


async def everywhere(load: Load, expected: Mapping[str, tuple[str, str]], *, cached: bool) -> None:
    """Wait until every case is answered so through every process."""
    for ticket_id in load.truth:
        for person in load.people:
            path = f"/support/cases/{ticket_id}/timeline" if cached else uncached(ticket_id)

            async def so(person: Person = person, path: str = path) -> bool:
                load.cold += not cached
                return standing(await person.get(path)) == expected

            await eventually(so, within_s=150)


@pytest.mark.slow
@pytest.mark.timeout(400, func_only=True)
async def test_readers_get_every_fact_while_trino_is_killed_and_comes_back_and_no_source_is_asked_too_often(
    service: RunningService, trino_shop: TrinoShop, trino: "Running", alone: None
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    for n in range(CASES):
        await tell(service, trino_shop, f"o-{n}", customer(service, n))
    tickets = await open_cases(service, agent, range(CASES))
    await enriched(service, CASES + 1)
    async with another_api(service) as url:
        truth = {ticket_id: (await agent.get(uncached(ticket_id)))["entries"] for ticket_id in tickets}
        assert all(len({entry["source"] for entry in entries}) == len(SOURCE_NAMES) for entries in truth.values())
        load = Load([agent, Person(agent.session, url, agent.token)], truth)
        places = load.places()
        async with asyncio.TaskGroup() as readers:
            for _ in range(HOT_READERS):
                readers.create_task(load.read_hot(places))
            readers.create_task(load.read_cold(load.places()))
            await through_it_all(load, trino_shop, trino)
            load.over.set()
    assert load.said["ok", "rest"]
    assert load.said["ok", "lake"]
    assert load.hot > load.cold


async def through_it_all(load: Load, shop: TrinoShop, trino: "Running") -> None:
    """Well, killed, away, started, back; with the counts of each part."""
    await asyncio.sleep(HEALTHY_S)
    refused, asked = total("support_trino_errors_total"), total("support_commerce_request_seconds_count")
    away = Part(load)
    await asyncio.to_thread(trino.kill)
    await asyncio.sleep(AWAY_S)
    await everywhere(load, FROM_REST, cached=False)
    probes = PROCESSES * (1 + away.seconds / LAKE_PROBE_S)
    assert total("support_trino_errors_total") - refused <= PROCESSES * (FAILURES + IN_FLIGHT) + probes
    assert total("support_commerce_request_seconds_count") - asked <= len(SOURCE_NAMES) * away.most_fills

    await asyncio.to_thread(trino.start)
    back = Part(load)
    await everywhere(load, FROM_LAKE, cached=False)
    await everywhere(load, FROM_LAKE, cached=True)
    assert 1 <= len(await queries(shop)) <= back.most_fills


class Part:
    """A part of the run, from now on."""

    def __init__(self, load: Load) -> None:
        self._load, self._cold, self._began = load, load.cold, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def most_fills(self) -> float:
        """How many pages may have been put together: one a cold read, and each cached one no sooner than it may be repeated."""
        cached = len(self._load.truth) * len(self._load.people)
        return self._load.cold - self._cold + cached * (1 + self.seconds / DEGRADED_FRESH_S)
