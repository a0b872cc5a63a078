"""Two processes share pages: one fills, the others take it, and nothing outdated is taken whatever the cache forgot."""

import asyncio
from datetime import timedelta

import pytest

from support_service.adapters.embedded.cache import EmbeddedCache
from support_service.kit.clock import SystemClock
from support_service.ports.cache import LONGEST_TTL_S, CachedBody, SharedCache
from support_service.timeline.sharing import SharedPages

NAME, CUSTOMER = "tl:{c1}:-:clear:1", "c1"


class Fleet:
    """Processes around one cache and one database; `fill` is what each does on a miss."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.cache = EmbeddedCache(self.clock)
        self.generation = 1
        self.fills = 0

    def process(self, cache: SharedCache | None = None) -> SharedPages:
        async def generation_of(_: str) -> int:
            return self.generation

        return SharedPages(
            cache or self.cache, generation_of=generation_of, floor_key="floor:{{{}}}".format, clock=self.clock
        )

    async def fill(self, pages: SharedPages, *, takes_s: float = 0.0, part: float = 1.0) -> CachedBody:
        async with pages.turn(NAME, CUSTOMER, part=part) as turn:
            if turn.page is not None:
                return turn.page
            self.fills += 1
            started_at = self.clock.now()
            await asyncio.sleep(takes_s)
            page = CachedBody(NAME, self.generation, started_at, b"{}")
            pages.keep(NAME, CUSTOMER, page, 60, turn)
            await pages.close()
            return page


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_of_all_processes_that_miss_at_once_one_fills_and_the_others_take_its_page(fleet: Fleet) -> None:
    pages = await asyncio.gather(*(fleet.fill(fleet.process(), takes_s=0.1) for _ in range(20)))
    assert fleet.fills == 1
    assert all(page == pages[0] for page in pages)


async def test_when_a_fill_fails_the_next_one_who_waits_fills(fleet: Fleet) -> None:
    async def fail() -> None:
        async with fleet.process().turn(NAME, CUSTOMER, part=1):
            await asyncio.sleep(0.05)
            raise RuntimeError

    async with asyncio.timeout(2):  # sooner than the lease would be void
        results = await asyncio.gather(fail(), fleet.fill(fleet.process()), return_exceptions=True)
    assert isinstance(results[0], RuntimeError)
    assert isinstance(results[1], CachedBody)
    assert fleet.fills == 1


async def test_a_page_below_the_customers_generation_is_not_taken_even_when_its_floor_was_lost(fleet: Fleet) -> None:
    await fleet.fill(fleet.process())
    fleet.generation = 2  # committed, and nobody raised the floor
    assert (await fleet.fill(fleet.process())).generation == 2
    assert fleet.fills == 2


async def test_a_page_that_grows_old_is_refreshed_by_one_while_others_still_take_it(fleet: Fleet) -> None:
    old = CachedBody(NAME, 1, fleet.clock.now() - timedelta(seconds=50), b"{}")
    await fleet.cache.put(NAME, "floor:{c1}", old, 60)
    assert await fleet.fill(fleet.process()) == old
    refreshed = await asyncio.gather(*(fleet.fill(fleet.process(), takes_s=0.1, part=0.8) for _ in range(3)))
    assert fleet.fills == 1
    assert all(page.filled_at > old.filled_at for page in refreshed)


async def test_who_shares_with_nobody_fills_alone(fleet: Fleet) -> None:
    alone = SharedPages(None, generation_of=lambda _: asyncio.sleep(0, 1), floor_key=str, clock=fleet.clock)
    await asyncio.gather(*(fleet.fill(alone, takes_s=0.01) for _ in range(3)))
    assert fleet.fills == 3
    assert await alone.last(NAME, CUSTOMER) is None
    await alone.raise_floors({CUSTOMER: 5})


async def test_an_outdated_page_may_still_stand_in_and_says_that_it_is_outdated(fleet: Fleet) -> None:
    pages = fleet.process()
    await fleet.fill(pages)
    await pages.raise_floors({CUSTOMER: 2})
    last = await pages.last(NAME, CUSTOMER)
    assert last is not None
    assert last.superseded


def test_a_page_that_was_taken_is_kept_no_longer_than_one_filled_here(fleet: Fleet) -> None:
    taken = CachedBody(NAME, 1, fleet.clock.now() - timedelta(seconds=800), b"{}")
    assert fleet.process().ttl_s(taken) == pytest.approx(LONGEST_TTL_S - 800, abs=1)
