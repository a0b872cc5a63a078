"""What every cache does, wherever it keeps its bodies."""

import asyncio
from datetime import timedelta

import pytest

from support.clocks import HandClock
from support_service.adapters.embedded.cache import EmbeddedCache
from support_service.ports.cache import FLOOR_KEPT_S, LONGEST_TTL_S, Cache, CachedBody, Found, SharedCache

KEY, OTHER, FLOOR = "tl:{c1}:-:clear:1", "tl:{c1}:-:masked:1", "floor:{c1}"


def body(clock: HandClock, generation: int, content: bytes = b"{}", key: str = KEY) -> CachedBody:
    return CachedBody(key, generation, clock.now(), content)


class CacheBehaviour:
    """A subclass provides `cache`, whose time is `clock`."""

    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    async def test_what_was_put_is_given_back_whole_until_its_time_is_over(
        self, cache: Cache, clock: HandClock
    ) -> None:
        kept = body(clock, 3, "Đơn hàng".encode())
        assert await cache.get(KEY, FLOOR) is None
        assert await cache.put(KEY, FLOOR, kept, 60)
        clock.go_on(59)
        assert await cache.get(KEY, FLOOR) == kept
        clock.go_on(1.5)
        assert await cache.get(KEY, FLOOR) is None

    async def test_a_fill_below_the_floor_is_not_kept(self, cache: Cache, clock: HandClock) -> None:
        slow = body(clock, 3)
        await cache.raise_floors({FLOOR: 4})
        assert not await cache.put(KEY, FLOOR, slow, 60)
        assert await cache.get(KEY, FLOOR) is None
        assert await cache.put(KEY, FLOOR, body(clock, 4), 60)

    async def test_a_floor_that_rises_supersedes_every_body_of_its_customer_and_no_other(
        self, cache: Cache, clock: HandClock
    ) -> None:
        await cache.put(KEY, FLOOR, body(clock, 3), 60)
        await cache.put(OTHER, FLOOR, body(clock, 3, key=OTHER), 60)
        await cache.put("tl:{c2}:-:clear:1", "floor:{c2}", body(clock, 1, key="tl:{c2}:-:clear:1"), 60)
        await cache.raise_floors({FLOOR: 4})
        for key in (KEY, OTHER):
            found = await cache.get(key, FLOOR)
            assert found is not None
            assert found.superseded
        other = await cache.get("tl:{c2}:-:clear:1", "floor:{c2}")
        assert other is not None
        assert not other.superseded

    async def test_floors_rise_each_by_its_own_and_none_at_all_is_no_fault(
        self, cache: Cache, clock: HandClock
    ) -> None:
        await cache.raise_floors({})
        await cache.raise_floors({FLOOR: 4, "floor:{c2}": 2})
        assert not await cache.put(KEY, FLOOR, body(clock, 3), 60)
        assert await cache.put("tl:{c2}:-:clear:1", "floor:{c2}", body(clock, 3, key="tl:{c2}:-:clear:1"), 60)
        assert not await cache.put("tl:{c2}:-:clear:2", "floor:{c2}", body(clock, 1, key="tl:{c2}:-:clear:2"), 60)

    async def test_a_floor_never_sinks(self, cache: Cache, clock: HandClock) -> None:
        await cache.raise_floors({FLOOR: 4})
        await cache.raise_floors({FLOOR: 2})
        assert not await cache.put(KEY, FLOOR, body(clock, 3), 60)

    async def test_a_floor_outlives_every_body_and_every_fill_under_way(self, cache: Cache, clock: HandClock) -> None:
        await cache.raise_floors({FLOOR: 4})
        clock.go_on(LONGEST_TTL_S + 60)
        assert LONGEST_TTL_S + 60 < FLOOR_KEPT_S
        assert not await cache.put(KEY, FLOOR, body(clock, 3), 60)

    async def test_an_older_fill_that_comes_late_does_not_push_out_a_newer_one(
        self, cache: Cache, clock: HandClock
    ) -> None:
        slow, slow_of_same = body(clock, 3, b"slow"), body(clock, 4, b"slow too")
        clock.go_on(1)
        newer = body(clock, 4, b"newer")
        assert await cache.put(KEY, FLOOR, newer, 60)
        assert not await cache.put(KEY, FLOOR, slow, 60)
        assert not await cache.put(KEY, FLOOR, slow_of_same, 60)
        assert await cache.get(KEY, FLOOR) == newer
        clock.go_on(1)
        assert await cache.put(KEY, FLOOR, body(clock, 4, b"newest"), 60)

    async def test_a_body_made_for_another_key_is_refused(self, cache: Cache, clock: HandClock) -> None:
        assert not await cache.put(KEY, FLOOR, body(clock, 3, key=OTHER), 60)
        assert await cache.get(KEY, FLOOR) is None

    async def test_nothing_is_kept_longer_than_the_longest_time(self, cache: Cache, clock: HandClock) -> None:
        assert await cache.put(KEY, FLOOR, body(clock, 3), 10 * LONGEST_TTL_S)
        clock.go_on(LONGEST_TTL_S + 1)
        assert await cache.get(KEY, FLOOR) is None


class SharedCacheBehaviour(CacheBehaviour):
    """A subclass provides `cache`, whose time is `clock`, and which several processes could share."""

    @staticmethod
    async def ask(cache: SharedCache, clock: HandClock, *, lease_s: float = 10, part: float = 1) -> Found:
        return await cache.find_or_lease(KEY, FLOOR, lease_s=lease_s, now=clock.now(), part=part)

    async def test_of_all_who_miss_at_once_one_may_fill(self, cache: SharedCache, clock: HandClock) -> None:
        found = await asyncio.gather(*(self.ask(cache, clock) for _ in range(100)))
        assert sum(one.lease is not None for one in found) == 1
        assert sum(one.taken for one in found) == 99

    async def test_who_asks_while_many_floors_rise_is_given_their_own_answer(
        self, cache: SharedCache, clock: HandClock
    ) -> None:
        kept = body(clock, 3)
        await cache.put(KEY, FLOOR, kept, 60)
        floors = {f"floor:{{other-{n}}}": n for n in range(50)}
        before, _, other, after = await asyncio.gather(
            cache.get(KEY, FLOOR), cache.raise_floors(floors), cache.get(OTHER, FLOOR), cache.get(KEY, FLOOR)
        )
        assert [before, other, after] == [kept, None, kept]

    async def test_a_fill_gives_its_lease_back_and_is_found(self, cache: SharedCache, clock: HandClock) -> None:
        lease = (await self.ask(cache, clock)).lease
        filled = body(clock, 3, "Đơn".encode())
        assert await cache.put_leased(KEY, FLOOR, filled, 60, lease)
        assert await self.ask(cache, clock) == Found(body=filled)
        await cache.raise_floors({FLOOR: 4})
        assert (await self.ask(cache, clock)).lease is not None

    async def test_a_fill_that_is_refused_gives_its_lease_back_too(self, cache: SharedCache, clock: HandClock) -> None:
        lease = (await self.ask(cache, clock)).lease
        await cache.raise_floors({FLOOR: 4})
        assert not await cache.put_leased(KEY, FLOOR, body(clock, 3), 60, lease)
        assert (await self.ask(cache, clock)).lease is not None

    async def test_a_lease_given_back_without_a_body_goes_to_the_next(
        self, cache: SharedCache, clock: HandClock
    ) -> None:
        lease = (await self.ask(cache, clock)).lease
        assert lease is not None
        await cache.give_back(KEY, "another")
        assert (await self.ask(cache, clock)).taken
        await cache.give_back(KEY, lease)
        assert (await self.ask(cache, clock)).lease is not None

    async def test_a_lease_of_one_who_died_becomes_void_and_its_late_fill_is_refused(
        self, cache: SharedCache, clock: HandClock
    ) -> None:
        dead = (await self.ask(cache, clock, lease_s=10)).lease
        clock.go_on(9)
        assert (await self.ask(cache, clock)).taken
        clock.go_on(2)
        living = (await self.ask(cache, clock)).lease
        assert living not in {None, dead}
        assert not await cache.put_leased(KEY, FLOOR, body(clock, 3), 60, dead)
        assert await cache.put_leased(KEY, FLOOR, body(clock, 3), 60, living)

    async def test_a_body_that_is_no_longer_fresh_is_not_found_but_still_kept(
        self, cache: SharedCache, clock: HandClock
    ) -> None:
        kept = body(clock, 3)
        await cache.put(KEY, FLOOR, kept, 600)
        clock.go_on(50)
        assert (await self.ask(cache, clock)).body == kept
        assert (await self.ask(cache, clock, part=0.8)).lease is not None
        clock.go_on(11)
        assert (await self.ask(cache, clock)).body is None
        assert await cache.get(KEY, FLOOR) == kept

    async def test_leases_of_different_keys_do_not_meet(self, cache: SharedCache, clock: HandClock) -> None:
        assert (await self.ask(cache, clock)).lease is not None
        other = await cache.find_or_lease(OTHER, FLOOR, lease_s=10, now=clock.now())
        assert other.lease is not None


class TestEmbeddedCache(SharedCacheBehaviour):
    @pytest.fixture
    def cache(self, clock: HandClock) -> EmbeddedCache:
        return EmbeddedCache(clock, max_bytes=10_000, max_floors=100)

    async def test_the_least_recently_used_leave_when_memory_is_full(
        self, cache: EmbeddedCache, clock: HandClock
    ) -> None:
        for name in ("a", "b", "c"):
            assert await cache.put(name, FLOOR, body(clock, 1, bytes(2_500), key=name), 60)
        await cache.get("a", FLOOR)
        assert await cache.put("d", FLOOR, body(clock, 1, bytes(2_500), key="d"), 60)
        kept = [name for name in "abcd" if await cache.get(name, FLOOR) is not None]
        assert kept == ["a", "c", "d"]

    async def test_memory_is_given_back_when_a_body_is_replaced_or_expires(
        self, cache: EmbeddedCache, clock: HandClock
    ) -> None:
        for generation in range(50):
            assert await cache.put(KEY, FLOOR, body(clock, generation, bytes(5_000)), 60)
        clock.go_on(61)
        assert await cache.get(KEY, FLOOR) is None
        assert cache._bytes == 0

    async def test_a_body_larger_than_the_whole_memory_is_refused(self, cache: EmbeddedCache, clock: HandClock) -> None:
        assert not await cache.put(KEY, FLOOR, body(clock, 1, bytes(10_000)), 60)

    async def test_a_flood_of_floors_forgets_all_and_refuses_fills_that_began_before_it(
        self, cache: EmbeddedCache, clock: HandClock
    ) -> None:
        await cache.raise_floors({FLOOR: 4})
        outdated = body(clock, 3)
        await cache.put(OTHER, "floor:{c2}", body(clock, 1, key=OTHER), 60)
        for number in range(100):
            await cache.raise_floors({f"floor:{{flood{number}}}": 1})
        assert await cache.get(OTHER, "floor:{c2}") is None
        assert not await cache.put(KEY, FLOOR, outdated, 60)
        clock.go_on(0.001)
        assert await cache.put(KEY, FLOOR, body(clock, 4), 60)

    async def test_floors_leave_when_their_time_is_over(self, cache: EmbeddedCache, clock: HandClock) -> None:
        for number in range(99):
            await cache.raise_floors({f"floor:{{{number}}}": 1})
        clock.go_on(timedelta(seconds=FLOOR_KEPT_S).total_seconds() + 1)
        await cache.raise_floors({FLOOR: 1})
        assert len(cache._floors) == 1
