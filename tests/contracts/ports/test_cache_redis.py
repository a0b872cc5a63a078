"""The shared cache in a real Redis: what every cache does, and what it does when Redis is slow, silent or gone."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from contracts.ports.test_cache import FLOOR, KEY, SharedCacheBehaviour, body
from support.clocks import HandClock
from support_service.adapters.redis import RedisCache
from support_service.ports.cache import CachedBody, Found

if TYPE_CHECKING:
    from tools.stack import Proxies, Running
    from tools.stack.proxies import Proxy


CALLS = "support_shared_cache_calls_total"


class RedisClock(HandClock):
    """Takes the time of one Redis database along: what is kept there ages as it goes on."""

    def __init__(self, server: "Redis") -> None:
        super().__init__()
        self._server = server

    def go_on(self, seconds: float) -> None:
        super().go_on(seconds)
        keys: Any = self._server.keys()
        for key in keys:
            left: Any = self._server.pttl(key)
            self._server.pexpire(key, max(0, left - int(seconds * 1000)))


@pytest.fixture
def url(redis: "Running") -> str:
    """A database of Redis that this test has for itself: tests run side by side, each worker's number is its database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{redis.url.rpartition('/')[0]}/{1 + int(worker)}"


@pytest.fixture
def server(url: str) -> Iterator["Redis"]:
    """That database, empty, as it really is."""
    with Redis.from_url(url) as server:
        server.flushdb()
        yield server


@pytest.fixture
def clock(server: "Redis") -> RedisClock:
    return RedisClock(server)


@pytest.fixture
def proxy(url: str, proxies: "Proxies") -> "Proxy":
    """A way to Redis that a test may hurt."""
    parts = urlsplit(url)
    return proxies.create(f"redis-{uuid4().hex}", f"{parts.hostname}:{parts.port}")


@pytest.fixture
async def hurt(url: str, proxy: "Proxy", server: "Redis") -> AsyncIterator[RedisCache]:
    """A cache at the end of that way, as it is by default."""
    cache = RedisCache(urlsplit(url)._replace(netloc=proxy.address).geturl())
    yield cache
    await cache.close()


async def fills(cache: RedisCache, clock: HandClock) -> bool:
    """Whether the cache keeps something."""
    return await cache.put(KEY, FLOOR, body(clock, 1), 60)


async def comes_back(cache: RedisCache, clock: HandClock) -> float:
    """How many seconds until the cache keeps something again."""
    started = time.monotonic()
    while not await fills(cache, clock):
        assert time.monotonic() - started < 10
        await asyncio.sleep(0.05)
    return time.monotonic() - started


class TestRedisCache(SharedCacheBehaviour):
    @pytest.fixture
    def clock(self, server: "Redis") -> RedisClock:
        return RedisClock(server)

    @pytest.fixture
    async def cache(self, url: str, server: "Redis") -> AsyncIterator[RedisCache]:
        cache = RedisCache(url, deadline_s=2, largest_body=10_000)
        yield cache
        await cache.close()

    async def test_a_body_larger_than_allowed_is_refused_and_its_lease_given_back(
        self, cache: RedisCache, clock: HandClock
    ) -> None:
        lease = (await self.ask(cache, clock)).lease
        assert not await cache.put_leased(KEY, FLOOR, body(clock, 1, bytes(10_001)), 60, lease)
        assert (await self.ask(cache, clock)).lease is not None

    async def test_a_body_found_under_another_key_than_its_own_is_no_answer(
        self, cache: RedisCache, clock: HandClock, server: "Redis"
    ) -> None:
        await fills(cache, clock)
        server.hset(KEY, "key", "tl:{c2}:-:clear:1")
        assert await cache.get(KEY, FLOOR) is None
        assert (await self.ask(cache, clock)) == Found()

    @pytest.mark.parametrize("field", ["generation", "filled_at", "fresh", "body"])
    async def test_a_body_of_which_a_part_is_missing_is_no_answer(
        self, cache: RedisCache, clock: HandClock, server: "Redis", field: str
    ) -> None:
        await fills(cache, clock)
        server.hdel(KEY, field)
        assert await cache.get(KEY, FLOOR) is None

    async def test_what_is_no_body_at_all_is_no_answer_and_harms_nobody_else(
        self, cache: RedisCache, clock: HandClock, server: "Redis"
    ) -> None:
        server.set("tl:{c1}:x", "?")
        other = cache.get("tl:{c1}:x", FLOOR)
        kept, found = await asyncio.gather(fills(cache, clock), other)
        assert kept
        assert found is None

    async def test_everything_kept_has_an_end(self, cache: RedisCache, clock: HandClock, server: "Redis") -> None:
        await self.ask(cache, clock)
        await fills(cache, clock)
        await self.ask(cache, clock, part=0)
        await cache.raise_floors({FLOOR: 1})
        keys: Any = server.keys()
        assert len(keys) == 3
        assert all(server.pttl(key) > 0 for key in keys)

    async def test_of_many_floors_each_rises(self, cache: RedisCache, server: "Redis") -> None:
        floors = {f"floor:{{c{number}}}": number for number in range(450)}
        await cache.raise_floors(floors)
        kept: Any = server.mget(list(floors))
        assert list(map(int, kept)) == list(floors.values())

    async def test_that_no_floor_rises_is_told_to_nobody(self, cache: RedisCache) -> None:
        outcomes = [{"call": "raise_floors", "outcome": outcome} for outcome in ("ok", "timeout", "error")]
        before = [REGISTRY.get_sample_value(CALLS, labels) for labels in outcomes]
        await cache.raise_floors({})
        assert [REGISTRY.get_sample_value(CALLS, labels) for labels in outcomes] == before

    async def test_a_thousand_callers_share_a_few_connections(
        self, cache: RedisCache, clock: HandClock, server: "Redis"
    ) -> None:
        await fills(cache, clock)
        before = len(server.client_list())
        found = await asyncio.gather(*(cache.get(KEY, FLOOR) for _ in range(1000)))
        assert all(found)
        assert len(server.client_list()) - before <= 8

    async def test_in_a_storm_of_cancelled_callers_nobody_gets_anothers_reply(
        self, cache: RedisCache, clock: HandClock
    ) -> None:
        keys = [f"tl:{{c{number}}}:-:clear:1" for number in range(50)]
        for key in keys:
            assert await cache.put(key, FLOOR, CachedBody(key, 1, clock.now(), key.encode()), 60)
        chance = random.Random(7)
        answers: list[tuple[str, CachedBody | None]] = []

        async def ask(key: str) -> None:
            answers.append((key, await cache.get(key, FLOOR)))

        for _ in range(40):
            callers = [asyncio.create_task(ask(key)) for key in keys]
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            for caller in chance.sample(callers, 25):
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
        assert len(answers) >= 40 * 25
        assert all(found is not None and found.body == key.encode() for key, found in answers)


class TestHurtRedis:
    async def test_a_silent_redis_costs_each_caller_the_deadline_and_soon_nothing(
        self, hurt: RedisCache, proxy: "Proxy", clock: HandClock
    ) -> None:
        assert await fills(hurt, clock)
        took: list[float] = []
        with proxy.silent():
            ends = time.monotonic() + 3
            while time.monotonic() < ends:
                started = time.monotonic()
                assert await hurt.find_or_lease(KEY, FLOOR, lease_s=5, now=clock.now()) == Found()
                took.append(time.monotonic() - started)
                await asyncio.sleep(0.01)
        assert max(took) < 0.3
        assert sum(took) < 1.8
        assert sorted(took)[len(took) // 2] < 0.005
        assert await comes_back(hurt, clock) < 3

    async def test_a_redis_that_is_gone_is_no_error_and_is_used_again_when_it_is_back(
        self, hurt: RedisCache, proxy: "Proxy", clock: HandClock
    ) -> None:
        assert await fills(hurt, clock)
        with proxy.cut():
            started = time.monotonic()
            for _ in range(200):
                assert await hurt.get(KEY, FLOOR) is None
                await hurt.raise_floors({FLOOR: 2})
            assert time.monotonic() - started < 1
            assert not await fills(hurt, clock)
        assert await comes_back(hurt, clock) < 3

    async def test_connections_that_are_reset_are_made_anew(
        self, hurt: RedisCache, proxy: "Proxy", clock: HandClock
    ) -> None:
        with proxy.resets(20):
            for _ in range(100):
                found = await hurt.get(KEY, FLOOR)
                assert found is None or found.key == KEY
                await asyncio.sleep(0.005)
        assert await comes_back(hurt, clock) < 3

    async def test_a_restart_costs_nobody_an_answer(self, hurt: RedisCache, clock: HandClock, server: "Redis") -> None:
        for _ in range(5):
            assert await fills(hurt, clock)
            server.client_kill_filter(_type="normal", skipme=True)  # as a restart, all connections end while unused
            assert await fills(hurt, clock)

    async def test_a_redis_that_is_slow_but_within_the_deadline_is_used(
        self, hurt: RedisCache, proxy: "Proxy", clock: HandClock
    ) -> None:
        assert await fills(hurt, clock)
        with proxy.slow(40):
            started = time.monotonic()
            found = await asyncio.gather(*(hurt.get(KEY, FLOOR) for _ in range(100)))
            assert all(found)
            assert time.monotonic() - started < 0.3

    async def test_a_loop_that_is_late_does_not_take_redis_for_slow(self, hurt: RedisCache, clock: HandClock) -> None:
        assert await fills(hurt, clock)
        for _ in range(10):
            asking = asyncio.create_task(hurt.get(KEY, FLOOR))
            for _ in range(4):
                await asyncio.sleep(0)
            time.sleep(0.15)
            assert await asking is not None

    async def test_a_redis_that_was_never_there_hinders_nothing(self, clock: HandClock) -> None:
        cache = RedisCache("redis://127.0.0.1:1/0")
        assert await cache.get(KEY, FLOOR) is None
        assert not await fills(cache, clock)
        await cache.close()


@pytest.mark.parametrize(
    "url", ["http://h", "redis+other://h", "redis://", "redis+sentinel://h:1,i:2/0", "localhost:6379"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        RedisCache(url)
