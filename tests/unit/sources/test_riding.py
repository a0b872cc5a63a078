"""Crowds that gather in several processes share a query of the lake; nobody else waits for anybody."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from support_service.adapters.embedded.rides import EmbeddedRides
from support_service.kit.clock import SystemClock
from support_service.ports.lake import LakeRow
from support_service.sources import riding
from support_service.sources.lake_answer import LakeAnswer
from support_service.sources.riding import MOST_SHARED, Riding

NOW = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
Ask = Callable[[Sequence[str]], Awaitable[LakeAnswer | None]]


def row_of(order_id: str) -> LakeRow:
    return LakeRow("order", order_id, None, order_id, 1, "order.created", NOW, '{"status": "ç"}')


class Lake:
    """Has a row of every order."""

    def __init__(self) -> None:
        self.queries: list[list[str]] = []
        self.dead = False

    async def ask(self, order_ids: Sequence[str]) -> LakeAnswer | None:
        self.queries.append(list(order_ids))
        await asyncio.sleep(0.02)
        return None if self.dead else LakeAnswer.of([row_of(one) for one in order_ids], ["order"], NOW, truncated=False)


async def crowd(process: Riding, ids: Sequence[str], *, after_s: float = 0.01) -> LakeAnswer | None:
    process.announce()
    await asyncio.sleep(after_s)
    return await process.ask(ids)


def of(ids: Sequence[str]) -> LakeAnswer:
    return LakeAnswer.of([row_of(one) for one in ids], ["order"], NOW, truncated=False)


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def rides() -> EmbeddedRides:
    return EmbeddedRides(SystemClock())


@pytest.fixture
def processes(lake: Lake, rides: EmbeddedRides) -> list[Riding]:
    return [Riding(one, lake.ask, SystemClock()) for one in (rides, rides.beside(), rides.beside())]


async def test_crowds_of_several_processes_go_in_one_query_and_each_gets_its_own_part(
    lake: Lake, processes: list[Riding]
) -> None:
    asked = [[f"{n}-{m}" for m in range(20)] for n in range(3)]
    answers = await asyncio.gather(
        *(crowd(one, ids, after_s=0.01 + n * 0.03) for n, (one, ids) in enumerate(zip(processes, asked, strict=True)))
    )
    assert len(lake.queries) == 1
    first, *others = answers
    assert first is not None
    assert first.rows.keys() == set().union(*asked)
    assert others == [of(ids) for ids in asked[1:]]


async def test_who_did_not_announce_a_crowd_waits_for_nobody_and_takes_nobody_along(
    lake: Lake, processes: list[Riding]
) -> None:
    one, other, _ = processes
    other.announce()
    await asyncio.sleep(0)
    assert await one.ask(["a"]) == of(["a"])
    assert await crowd(other, ["b"]) == of(["b"])
    assert lake.queries == [["a"], ["b"]]


async def test_an_announcement_is_for_one_query(lake: Lake, processes: list[Riding], rides: EmbeddedRides) -> None:
    await crowd(processes[0], ["a"])
    await rides.beside().announce()
    async with asyncio.timeout(0.2):
        await processes[0].ask(["b"])
    assert lake.queries == [["a"], ["b"]]


async def test_one_query_asks_for_no_more_orders_than_a_catalog_compares_one_by_one(
    lake: Lake, processes: list[Riding]
) -> None:
    most = [f"o-{n}" for n in range(MOST_SHARED - 1)]
    await asyncio.gather(crowd(processes[0], most), crowd(processes[1], ["a", "b"], after_s=0.03))
    assert sorted(map(len, lake.queries)) == [2, MOST_SHARED - 1]


async def test_an_order_that_several_ask_for_is_asked_for_once(lake: Lake, processes: list[Riding]) -> None:
    answers = await asyncio.gather(*(crowd(one, ["a", "b"]) for one in processes))
    assert lake.queries == [["a", "b"]]
    assert answers == [of(["a", "b"])] * 3


async def test_a_query_that_fails_has_failed_for_all_who_ride(lake: Lake, processes: list[Riding]) -> None:
    lake.dead = True
    async with asyncio.timeout(1):
        assert await asyncio.gather(*(crowd(one, ["a"]) for one in processes)) == [None] * 3
    assert len(lake.queries) == 1


async def test_passengers_of_a_process_that_breaks_down_are_told(lake: Lake, rides: EmbeddedRides) -> None:
    async def breaks(_: Sequence[str]) -> LakeAnswer | None:
        raise RuntimeError

    lead, other = Riding(rides, breaks, SystemClock()), Riding(rides.beside(), lake.ask, SystemClock())
    async with asyncio.timeout(1):
        answers = await asyncio.gather(crowd(lead, ["a"]), crowd(other, ["b"], after_s=0.03), return_exceptions=True)
    assert isinstance(answers[0], RuntimeError)
    assert answers[1] is None


async def test_passengers_of_a_process_that_dies_ask_alone_after_a_moment(
    lake: Lake, processes: list[Riding], rides: EmbeddedRides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(riding, "LONGEST_RIDE_S", 0.2)
    seat = await rides.beside().board(["a"], most_ids=MOST_SHARED, lead_s=1)  # and is not heard of again
    assert seat is not None
    assert await crowd(processes[0], ["b"]) == of(["b"])
    assert lake.queries == [["b"]]


async def test_a_crowd_that_was_announced_and_does_not_come_is_not_waited_for_long(
    lake: Lake, processes: list[Riding]
) -> None:
    processes[1].announce()
    async with asyncio.timeout(0.6):
        assert await crowd(processes[0], ["a"]) == of(["a"])


async def test_what_another_release_says_is_not_believed(
    lake: Lake, processes: list[Riding], rides: EmbeddedRides
) -> None:
    lead = rides.beside()
    seat = await lead.board(["a"], most_ids=MOST_SHARED, lead_s=1)
    assert seat is not None
    asking = asyncio.create_task(crowd(processes[0], ["b"]))
    passengers: Sequence[object] = []
    await asyncio.sleep(0.05)
    for passenger in await lead.depart(seat.token, now=True) or ():
        passengers = [*passengers, passenger]
        await lead.deliver(passenger.token, of(["b"]).part(["b"]).replace(b"[1,", b"[0,", 1))
    assert len(passengers) == 1
    assert await asking == of(["b"])
    assert lake.queries == [["b"]]


async def test_without_rides_everybody_asks_alone(lake: Lake) -> None:
    assert await crowd(Riding(None, lake.ask, SystemClock()), ["a"]) == of(["a"])


@pytest.mark.parametrize(
    "told", [b"", b"no JSON", b"7", b"[]", b'[1,["order"],"today",false,[]]', b"[1,[],null,0,[[1]]]"]
)
def test_what_is_no_part_of_an_answer_is_refused(told: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever of it is wrong
        LakeAnswer.of_part(told)
