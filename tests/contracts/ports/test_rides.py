"""What every way of sharing queries between processes does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis import Redis

from contracts.ports.test_cache_redis import RedisClock, server, url
from support.clocks import HandClock
from support_service.adapters.embedded.rides import EmbeddedRides
from support_service.adapters.redis import RedisCache, RedisRides
from support_service.ports.rides import Passenger, Rides, Seat

__all__ = ["server", "url"]


async def boards(rides: Rides, *ids: str, most_ids: int = 10) -> Seat:
    seat = await rides.board(ids, most_ids=most_ids, lead_s=1)
    assert seat is not None
    return seat


class RidesBehaviour:
    """Two processes on the same road; `clock` goes on for what it keeps."""

    async def test_the_first_to_board_leads_and_who_comes_next_rides_along(self, one: Rides, other: Rides) -> None:
        lead, ride = await boards(one, "a"), await boards(other, "b", "ç'\0")
        assert (lead.leads, ride.leads) == (True, False)
        assert await one.depart(lead.token, now=False) == [Passenger(ride.token, ["b", "ç'\0"])]

    async def test_a_passenger_collects_its_answer_once_and_nobody_elses(self, one: Rides, other: Rides) -> None:
        await boards(one, "a")
        first, second = await boards(other, "b"), await boards(other, "c")
        await one.deliver(first.token, b"\x00 of b \xff")
        assert await other.collect(second.token) is None
        assert await other.collect(first.token) == b"\x00 of b \xff"
        assert await other.collect(first.token) is None

    async def test_an_empty_answer_is_one(self, one: Rides, other: Rides) -> None:
        await one.deliver("t", b"")
        assert await other.collect("t") == b""

    async def test_who_leads_waits_for_a_crowd_that_was_announced_until_that_boards(
        self, one: Rides, other: Rides
    ) -> None:
        await other.announce()
        lead = await boards(one, "a")
        assert await one.depart(lead.token, now=False) is None
        ride = await boards(other, "b")
        assert await one.depart(lead.token, now=False) == [Passenger(ride.token, ["b"])]

    async def test_who_leads_need_not_wait(self, one: Rides, other: Rides) -> None:
        await other.announce()
        lead = await boards(one, "a")
        assert await one.depart(lead.token, now=True) == []

    async def test_who_leads_waits_for_nobody_when_there_is_no_room(self, one: Rides, other: Rides) -> None:
        await other.announce()
        lead = await boards(one, "a", "b", most_ids=2)
        assert await one.depart(lead.token, now=False) == []

    async def test_an_announcement_without_a_crowd_is_forgotten(
        self, one: Rides, other: Rides, clock: HandClock
    ) -> None:
        await other.announce()
        clock.go_on(1.1)
        lead = await boards(one, "a")
        assert await one.depart(lead.token, now=False) == []

    async def test_ones_own_announcement_keeps_nobody_waiting(self, one: Rides) -> None:
        await one.announce()
        lead = await boards(one, "a")
        assert await one.depart(lead.token, now=False) == []

    async def test_a_crowd_for_which_there_is_no_room_asks_alone_and_a_smaller_one_still_rides(
        self, one: Rides, other: Rides
    ) -> None:
        await boards(one, "a", "b", most_ids=4)
        assert await other.board(["c", "d", "e"], most_ids=4, lead_s=1) is None
        assert not (await boards(other, "c", "d", most_ids=4)).leads
        assert await other.board(["e"], most_ids=4, lead_s=1) is None

    async def test_nobody_boards_a_query_that_has_departed(self, one: Rides, other: Rides) -> None:
        lead = await boards(one, "a")
        await one.depart(lead.token, now=False)
        assert (await boards(other, "b")).leads

    async def test_a_lead_that_never_departs_is_void_and_its_passengers_are_not_the_next_ones(
        self, one: Rides, other: Rides, clock: HandClock
    ) -> None:
        lead = await boards(one, "a")
        clock.go_on(0.9)
        await boards(other, "b")
        clock.go_on(0.2)
        later = await boards(other, "c")
        assert later.leads
        assert await one.depart(lead.token, now=True) == []
        ride = await boards(one, "d")
        assert await other.depart(later.token, now=True) == [Passenger(ride.token, ["d"])]

    async def test_an_answer_that_nobody_collects_is_forgotten(
        self, one: Rides, other: Rides, clock: HandClock
    ) -> None:
        await one.deliver("t", b"of b")
        clock.go_on(5.1)
        assert await other.collect("t") is None

    async def test_of_many_who_board_at_once_one_leads_and_everybody_else_rides_once(
        self, one: Rides, other: Rides
    ) -> None:
        seats = await asyncio.gather(*(boards((one, other)[n % 2], f"o-{n}", most_ids=100) for n in range(50)))
        (lead,) = [seat for seat in seats if seat.leads]
        passengers = await one.depart(lead.token, now=True)
        assert passengers is not None
        assert {passenger.token for passenger in passengers} == {seat.token for seat in seats} - {lead.token}
        assert len({one_id for passenger in passengers for one_id in passenger.ids}) == 49


class TestEmbeddedRides(RidesBehaviour):
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def one(self, clock: HandClock) -> EmbeddedRides:
        return EmbeddedRides(clock)

    @pytest.fixture
    def other(self, one: EmbeddedRides) -> EmbeddedRides:
        return one.beside()


class TestRedisRides(RidesBehaviour):
    @pytest.fixture
    def clock(self, server: "Redis") -> RedisClock:
        return RedisClock(server)

    @pytest.fixture
    async def caches(self, url: str, server: "Redis") -> AsyncIterator[tuple[RedisCache, RedisCache]]:
        caches = RedisCache(url, deadline_s=2), RedisCache(url, deadline_s=2)
        yield caches
        for cache in caches:
            await cache.close()

    @pytest.fixture
    def one(self, caches: tuple[RedisCache, RedisCache]) -> RedisRides:
        return RedisRides(caches[0])

    @pytest.fixture
    def other(self, caches: tuple[RedisCache, RedisCache]) -> RedisRides:
        return RedisRides(caches[1])

    async def test_every_key_has_an_end(self, one: Rides, other: Rides, server: "Redis") -> None:
        await other.announce()
        await boards(one, "a")
        await boards(one, "b")
        await one.deliver("t", b"of t")
        keys = list(server.scan_iter())
        assert len(keys) == 4
        assert all(0 < server.pttl(key) <= 5_000 for key in keys)

    async def test_without_redis_everybody_asks_alone_and_at_once(self) -> None:
        cache = RedisCache("redis://127.0.0.1:1/0")
        rides = RedisRides(cache)
        async with asyncio.timeout(1):
            await rides.announce()
            assert await rides.board(["a"], most_ids=10, lead_s=1) is None
            assert await rides.depart("t", now=False) == []
            await rides.deliver("t", b"of t")
            assert await rides.collect("t") is None
        await cache.close()
