"""When a page is put together anew ahead of time: while it may still be shown, so that nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from support.clocks import HandClock
from support_service.adapters.embedded.cache import EmbeddedCache
from support_service.directory import Profile
from support_service.sources import Fetched, FetchKey, SourceState
from support_service.sources.approach import Approach
from support_service.sources.model import ServedFrom
from support_service.timeline import CaseKey, Timeline
from support_service.timeline.model import floor_key
from support_service.timeline.service import _AHEAD_AT_ONCE, _AHEAD_BY_LAKE
from support_service.timeline.sharing import SharedPages

KEY = CaseKey("c-1", "o-1")


class Shop:
    """Sources that answer at once, once they are let."""

    def __init__(self, clock: HandClock) -> None:
        self.approach = Approach()
        self.lake_answers = self.lake_is_well = True
        self.made_by: ServedFrom = "lake"
        self.asked = 0
        self.let = asyncio.Event()
        self.let.set()
        self._clock = clock

    async def fetch(self, key: FetchKey, *, patient: bool = False) -> Fetched:
        del patient
        self.asked += 1
        await self.let.wait()
        state = SourceState("order", "ok", self.made_by, self._clock.now(), truncated=False)
        return Fetched((), {"order": state}, key.order_ids)


class Nothing:
    """A database, a directory and a context in which nothing stands."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        yield

    async def generations(self, _connection: None, customer_ids: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(customer_ids, 1)

    async def events_of(self, *_: object) -> Sequence[object]:
        return ()


class Informed:
    """A tail that has heard of everything."""

    def knows(self, _moment: float) -> bool:
        return True


class Desk:
    """A timeline with everything it is put together from."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.shop = Shop(self.clock)
        nothing: Any = Nothing()
        self.timeline = Timeline(
            nothing,
            cast("Any", self.shop),
            nothing,
            nothing,
            EmbeddedCache(self.clock),
            shared=SharedPages(None, generation_of=nothing.generations, floor_key=floor_key, clock=self.clock),
            tail=cast("Any", Informed()),
            clock=self.clock,
        )

    async def read(self, key: CaseKey = KEY) -> None:
        await self.timeline.first_page(key, Profile.CLEAR)
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.timeline.close()


@pytest.mark.parametrize(
    ("made_by", "lake_answers", "age_s", "asked"),
    [
        ("lake", True, 47, 1),
        ("lake", True, 49, 2),
        ("rest", False, 23, 1),
        ("rest", False, 25, 2),
        ("rest", True, 4, 1),
        ("rest", True, 6, 2),
    ],
)
async def test_a_page_by_the_services_sooner_than_one_by_the_lake_and_sooner_still_once_the_lake_answers(
    desk: Desk, *, made_by: ServedFrom, lake_answers: bool, age_s: float, asked: int
) -> None:
    desk.shop.made_by, desk.shop.lake_answers = made_by, lake_answers
    await desk.read()
    desk.clock.go_on(age_s)
    await desk.read()
    assert desk.shop.asked == asked


@pytest.mark.parametrize(("lake_answers", "most"), [(False, _AHEAD_AT_ONCE), (True, _AHEAD_BY_LAKE)])
async def test_the_services_are_asked_for_fewer_pages_at_once_than_the_lake(
    desk: Desk, *, lake_answers: bool, most: int
) -> None:
    keys = [CaseKey("c-1", f"o-{n}") for n in range(_AHEAD_BY_LAKE + 10)]
    for key in keys:
        await desk.read(key)
    desk.clock.go_on(50)
    desk.shop.let.clear()
    desk.shop.asked, desk.shop.lake_answers = 0, lake_answers
    for key in keys:
        await desk.read(key)
    assert desk.shop.asked == most


async def test_pages_that_the_services_made_while_the_lake_was_away_go_back_to_it_whoever_reads_whatever(
    desk: Desk,
) -> None:
    desk.shop.made_by, desk.shop.lake_answers, desk.shop.lake_is_well = "rest", False, False
    keys = [CaseKey("c-1", f"o-{n}") for n in range(20)]
    for key in keys:
        await desk.read(key)
    desk.clock.go_on(6)
    desk.shop.made_by, desk.shop.lake_answers = "lake", True
    for _ in range(30):
        await desk.read()
    assert desk.shop.asked == 40
    desk.clock.go_on(4)
    for key in keys:
        await desk.read(key)
    assert desk.shop.asked == 40


async def test_pages_that_the_services_had_a_part_in_while_the_lake_is_well_stay_until_they_are_read(
    desk: Desk,
) -> None:
    desk.shop.made_by = "rest"
    await desk.read(CaseKey("c-1", "o-2"))
    desk.clock.go_on(6)
    for _ in range(3):
        await desk.read()
    assert desk.shop.asked == 2
