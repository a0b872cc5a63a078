"""Each source degrades alone: the lake, else its own service, else it says that it is unavailable."""

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from support.clocks import HandClock
from support.shop import DAY, VIEW, Rest, Shop, every_fact
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.rest import RestCommerce
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database
from support_service.ports.lake import LakeError, LakeRow
from support_service.sources import SOURCES, Fetched, FetchKey, Sources
from support_service.sources.breaker import PROBE_S
from support_service.sources.probing import LAKE_PROBE_S

KEY = FetchKey("c1", ("o1",))
NAMES = [source.name for source in SOURCES]


def standing(fetched: Fetched) -> dict[str, tuple[str, str]]:
    return {name: (state.status, state.served_from) for name, state in fetched.states.items()}


async def until_from_lake(sources: Sources) -> None:
    """Read on while a probe finds out that the lake is back."""
    async with asyncio.timeout(10):
        while standing(await sources.fetch(KEY)) != dict.fromkeys(NAMES, ("ok", "lake")):
            await asyncio.sleep(0.02)


def errors(source: str, backend: str, reason: str) -> float:
    labels = {"source": source, "backend": backend, "reason": reason}
    return REGISTRY.get_sample_value("support_timeline_refresh_errors_total", labels) or 0.0


class CatalogsLake:
    """A lake over several catalogs, of which some are dead: the query that touches one fails and says which."""

    def __init__(self, lake: EmbeddedLake, dead: set[str]) -> None:
        self._lake = lake
        self.dead = dead
        self.asked: list[list[str]] = []

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        self.asked.append(sorted(sources))
        for source in sorted(self.dead & set(sources)):
            raise LakeError("unavailable", source)
        return await self._lake.facts(order_ids, sources=sources, since=since, limit=limit, deadline_s=deadline_s)

    async def newest_orders(
        self, customer_ids: Sequence[str], *, limit: int, deadline_s: float
    ) -> dict[str, list[str]]:
        return await self._lake.newest_orders(customer_ids, limit=limit, deadline_s=deadline_s)

    async def ping(self, *, deadline_s: float) -> None:
        await self._lake.ping(deadline_s=deadline_s)

    async def close(self) -> None:
        await self._lake.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sources(database: Database, lake: EmbeddedLake, commerce: RestCommerce, clock: HandClock) -> Sources:
    return Sources(database, lake, commerce, clock, window_days=36_500)


async def test_without_the_lake_the_same_facts_come_from_rest_and_the_lake_is_back_after_a_probe(
    shop: Shop, sources: Sources, clock: HandClock
) -> None:
    await shop.add(every_fact("o1", "c1"))
    before = await sources.fetch(KEY)
    assert standing(before) == dict.fromkeys(NAMES, ("ok", "lake"))

    await shop.stop_lake()
    counted = errors("payment", "lake", "unavailable")
    for _ in range(4):
        started = time.perf_counter()
        without = await sources.fetch(KEY)
        assert time.perf_counter() - started < 0.7
        assert standing(without) == dict.fromkeys(NAMES, ("ok", "rest"))
        assert without.facts == before.facts
    assert errors("payment", "lake", "unavailable") == counted + 3
    assert errors("payment", "lake", "breaker_open") >= 1

    await shop.start_lake()
    assert standing(await sources.fetch(KEY))["order"] == ("ok", "rest")
    clock.go_on(LAKE_PROBE_S)
    await until_from_lake(sources)


async def test_with_neither_every_source_is_unavailable_and_nothing_is_raised(
    shop: Shop, rest: Rest, sources: Sources, clock: HandClock
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await shop.stop_lake()
    await rest.stop()
    for _ in range(5):
        fetched = await sources.fetch(KEY)
        assert standing(fetched) == dict.fromkeys(NAMES, ("unavailable", "none"))
        assert fetched.facts == ()
        assert {state.as_of for state in fetched.states.values()} == {None}
        assert fetched.order_ids == ("o1",)
    await rest.start()
    await shop.start_lake()
    clock.go_on(PROBE_S)
    await until_from_lake(sources)


async def test_one_dead_service_takes_no_other_with_it(shop: Shop, rest: Rest, database: Database) -> None:
    await shop.add(every_fact("o1", "c1"))
    assert rest.served is not None
    nobody_there = {"payments": "http://127.0.0.1:9/payments"}
    commerce = RestCommerce(rest.served.base_urls | nobody_there, token=rest.served.token)
    fetched = await Sources(database, None, commerce, SystemClock(), window_days=36_500).fetch(KEY)
    await commerce.close()
    assert standing(fetched) == dict.fromkeys(NAMES, ("ok", "rest")) | {"payment": ("unavailable", "none")}
    assert {fact.source for fact in fetched.facts} == set(NAMES) - {"payment"}


async def test_one_dead_catalog_leaves_the_others_to_the_lake_and_rests_for_a_while(
    shop: Shop, database: Database, lake: EmbeddedLake, commerce: RestCommerce, clock: HandClock
) -> None:
    await shop.add(every_fact("o1", "c1"))
    catalogs = CatalogsLake(lake, {"payment", "fraud"})
    sources = Sources(database, catalogs, commerce, clock, window_days=36_500)
    expected = dict.fromkeys(NAMES, ("ok", "lake")) | dict.fromkeys(["payment", "fraud"], ("ok", "rest"))
    assert standing(await sources.fetch(KEY)) == expected
    assert len(catalogs.asked) == 3
    assert standing(await sources.fetch(KEY)) == expected
    assert catalogs.asked[3:] == [["feedback", "order", "shipment"]]
    catalogs.dead.clear()
    clock.go_on(10)
    assert standing(await sources.fetch(KEY)) == dict.fromkeys(NAMES, ("ok", "lake"))


async def test_a_hanging_lake_costs_its_deadline_and_then_rest_answers(shop: Shop, sources: Sources) -> None:
    await shop.add(every_fact("o1", "c1"))
    await sources.fetch(KEY)
    await shop.execute(f"ALTER VIEW {VIEW} RENAME TO quick")
    await shop.execute(f"CREATE VIEW {VIEW} AS SELECT * FROM lake.quick WHERE pg_sleep(30) IS NOT NULL")
    await shop.execute(f"GRANT SELECT ON {VIEW} TO {shop.lake_role}")
    started = time.perf_counter()
    assert standing(await sources.fetch(KEY)) == dict.fromkeys(NAMES, ("ok", "rest"))
    assert 2 < time.perf_counter() - started < 2.9


async def test_each_state_says_when_its_read_began(shop: Shop, sources: Sources, clock: HandClock) -> None:
    await shop.add(every_fact("o1", "c1"))
    began = clock.now()
    assert {state.as_of for state in (await sources.fetch(KEY)).states.values()} == {began}


@pytest.mark.usefixtures("patient")
async def test_lake_and_rest_agree_on_the_window(
    shop: Shop, database: Database, lake: EmbeddedLake, commerce: RestCommerce, clock: HandClock
) -> None:
    await shop.add(every_fact("o1", "c1"))
    cut = DAY + timedelta(hours=3)
    clock.go_on((cut + timedelta(days=30) - clock.now()).total_seconds())
    by_lake = await Sources(database, lake, commerce, clock, window_days=30).fetch(KEY)
    by_rest = await Sources(database, None, commerce, clock, window_days=30).fetch(KEY)
    assert by_lake.facts == by_rest.facts
    assert min(fact.occurred_at for fact in by_lake.facts) == cut
