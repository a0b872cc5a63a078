"""A lake that is back is found out beside the readers, who go to the services meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

import pytest

from support.clocks import HandClock
from support.shop import VIEW, Shop, every_fact
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.rest import RestCommerce
from support_service.kit.database import Database
from support_service.ports.lake import LakeError, LakeReason, LakeRow
from support_service.sources import FetchKey, Sources
from support_service.sources.breaker import FAILURES
from support_service.sources.probing import LAKE_PROBE_S

KEY = FetchKey("c1", ("o1",))


class WakingLake(EmbeddedLake):
    """A lake that refuses readers until it is awake; a probe, which asks for no order, waits for what it is to be told."""

    awake = False
    probes = 0
    deadline_s = 0.0
    known_away: str | None = None
    waking: "asyncio.Future[LakeReason | None]"

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        if self.known_away in sources:
            raise LakeError("unavailable", self.known_away)
        if not any(order_ids):
            await self._probed(deadline_s)
        elif not self.awake:
            raise LakeError("starting")
        return await super().facts(order_ids, sources=sources, since=since, limit=limit, deadline_s=deadline_s)

    async def _probed(self, deadline_s: float) -> None:
        self.probes += 1
        self.deadline_s = deadline_s
        self.waking = asyncio.get_running_loop().create_future()
        reason = await self.waking
        if reason is not None:
            raise LakeError(reason)


@pytest.fixture
async def lake(shop: Shop) -> AsyncIterator[WakingLake]:
    lake = WakingLake(shop.lake_dsn, view=VIEW)
    yield lake
    await lake.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sources(
    shop: Shop, database: Database, lake: WakingLake, commerce: RestCommerce, clock: HandClock, patient: None
) -> AsyncIterator[Sources]:
    """Sources that have found the lake away; a first probe is due."""
    await shop.add(every_fact("o1", "c1"))
    sources = Sources(database, lake, commerce, clock, window_days=36_500)
    for _ in range(FAILURES):
        assert await told_by(sources) == "rest"
    clock.go_on(LAKE_PROBE_S)
    yield sources
    await sources.close()


async def told_by(sources: Sources) -> str:
    (base,) = {state.served_from for state in (await sources.fetch(KEY)).states.values()}
    return base


async def until_from_lake(sources: Sources) -> None:
    async with asyncio.timeout(10):
        while await told_by(sources) != "lake":
            await asyncio.sleep(0.01)


async def test_readers_go_to_the_services_while_one_probe_waits_for_the_lake(
    sources: Sources, lake: WakingLake
) -> None:
    for _ in range(3):
        assert await told_by(sources) == "rest"
    assert lake.probes == 1
    lake.awake = True
    assert await told_by(sources) == "rest"  # the probe has not said so yet
    lake.waking.set_result(None)
    await until_from_lake(sources)
    assert lake.probes == 1


async def test_a_probe_that_fails_is_made_again_after_the_interval_and_no_sooner(
    sources: Sources, lake: WakingLake, clock: HandClock
) -> None:
    assert await told_by(sources) == "rest"
    lake.waking.set_result("timeout")
    await asyncio.sleep(0.01)
    clock.go_on(LAKE_PROBE_S - 0.1)
    assert await told_by(sources) == "rest"
    assert lake.probes == 1
    clock.go_on(0.1)
    assert await told_by(sources) == "rest"
    assert lake.probes == 2


async def test_an_engine_may_take_its_time_to_warm_up_by_a_probe(sources: Sources, lake: WakingLake) -> None:
    assert await told_by(sources) == "rest"
    assert lake.deadline_s > 10  # the first query of a Trino that shares two cores with its readers takes so long
    lake.awake = True
    lake.waking.set_result(None)
    await until_from_lake(sources)


async def test_a_lake_that_answers_but_lacks_its_view_is_not_away(sources: Sources, lake: WakingLake) -> None:
    assert await told_by(sources) == "rest"
    lake.awake = True
    lake.waking.set_result("rejected")
    await until_from_lake(sources)


async def test_a_catalog_that_was_away_before_the_lake_went_is_no_proof_that_the_lake_is_back(
    sources: Sources, lake: WakingLake
) -> None:
    lake.known_away = "payment"
    assert await told_by(sources) == "rest"
    await asyncio.sleep(0)
    lake.waking.set_result("unavailable")
    await asyncio.sleep(0.01)
    asked = lake.probes
    for _ in range(3):
        assert await told_by(sources) == "rest"
    assert lake.probes == asked == 1


async def test_a_catalog_that_is_away_does_not_keep_the_others_from_coming_back(
    sources: Sources, lake: WakingLake
) -> None:
    lake.known_away = "payment"
    lake.awake = True
    assert await told_by(sources) == "rest"
    lake.waking.set_result(None)
    async with asyncio.timeout(10):
        while (await sources.fetch(KEY)).states["order"].served_from != "lake":
            await asyncio.sleep(0.01)
    assert (await sources.fetch(KEY)).states["payment"].served_from == "rest"


async def test_closing_gives_up_a_probe_under_way(sources: Sources, lake: WakingLake) -> None:
    assert await told_by(sources) == "rest"
    await sources.close()
    assert lake.waking.cancelled()
