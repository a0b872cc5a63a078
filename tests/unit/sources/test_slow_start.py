"""A lake that has just come back is asked one query at a time, until it is as fast as readers need it to be."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from support.clocks import HandClock
from support_service.ports.lake import LakeError, LakeRow
from support_service.sources.from_lake import LakeReader
from support_service.sources.probing import LAKE_PROBE_S

NOW = datetime.now(UTC)


class Waking:
    """A lake of which queries for orders take as many of its clock's seconds as it is told, once they are let go."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.away = True
        self.takes_s = 5.0
        self.asked: list[list[str]] = []
        self.deadlines: list[float] = []
        self.go = asyncio.Event()

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        if self.away:
            raise LakeError("unavailable")
        if any(order_ids):
            self.asked.append(list(order_ids))
            self.deadlines.append(deadline_s)
            await self.go.wait()
            self.clock.go_on(self.takes_s)
        return []

    async def newest_orders(
        self, customer_ids: Sequence[str], *, limit: int, deadline_s: float
    ) -> dict[str, list[str]]:
        raise NotImplementedError

    async def ping(self, *, deadline_s: float) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def lake() -> Waking:
    return Waking()


@pytest.fixture
async def reader(lake: Waking) -> LakeReader:
    """A reader of a lake that was away and has just come back."""
    reader = LakeReader(lake, lake.clock, window=timedelta(days=1), newest=2)
    for _ in range(3):
        assert await reader.facts(["o"]) == {}
    assert not answers(reader)
    lake.away = False
    lake.clock.go_on(LAKE_PROBE_S)
    assert await reader.facts(["o"]) == {}  # a probe sets out
    await settled()
    assert answers(reader)
    return reader


def answers(reader: LakeReader) -> bool:
    return reader.answers


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lake_that_comes_back_is_found_although_nobody_reads_meanwhile(
    lake: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support_service.sources.probing.LAKE_PROBE_S", 0.01)
    reader = LakeReader(lake, lake.clock, window=timedelta(days=1), newest=2)
    for _ in range(4):
        assert await reader.facts(["o"]) == {}
    for _ in range(2):  # the first probe finds it away
        lake.clock.go_on(LAKE_PROBE_S)
        await asyncio.sleep(0.1)
        assert not answers(reader)
    lake.away = False
    lake.clock.go_on(LAKE_PROBE_S)
    await asyncio.sleep(0.1)
    assert answers(reader)
    await reader.close()


async def test_one_query_is_under_way_at_a_time_and_a_reader_who_comes_meanwhile_does_not_wait(
    reader: LakeReader, lake: Waking
) -> None:
    first = asyncio.create_task(reader.facts(["o-1"], patient=True))
    await settled()
    ahead = [asyncio.create_task(reader.facts([f"o-{n}"], patient=True)) for n in range(2, 500)]
    assert await reader.facts(["o-hurried"]) == {}
    await settled()
    assert lake.asked == [["o-1"]]
    lake.go.set()
    assert await first
    assert all(await asyncio.gather(*ahead))
    assert [len(query) for query in lake.asked] == [1, 498]


async def test_a_reader_who_comes_when_none_is_under_way_asks_and_goes_on_without_it_when_it_takes_long(
    reader: LakeReader, lake: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support_service.sources.from_lake.PATIENCE_S", 0.05)
    assert await reader.facts(["o-1"]) == {}
    assert lake.asked == [["o-1"]]
    waiting = asyncio.create_task(reader.facts(["o-1"], patient=True))
    lake.go.set()
    assert await waiting


async def test_nothing_cuts_off_a_query_by_which_it_warms_up(reader: LakeReader, lake: Waking) -> None:
    lake.go.set()
    assert await reader.facts(["o-1"], patient=True)
    assert lake.deadlines == [8.0]


async def test_it_is_over_with_two_fast_answers_in_a_row(reader: LakeReader, lake: Waking) -> None:
    lake.go.set()
    for takes_s in (1.1, 5.0, 1.1):
        lake.takes_s = takes_s
        assert await reader.facts(["o-1"], patient=True)
    assert lake.deadlines[-1] == 8.0
    await reader.facts(["o-1"], patient=True)
    await reader.facts(["o-1"], patient=True)
    assert lake.deadlines[-1] == pytest.approx(2.005)


async def test_it_is_over_after_a_minute_even_when_nobody_asked(reader: LakeReader, lake: Waking) -> None:
    lake.clock.go_on(59.9)
    lake.go.set()
    await reader.facts(["o-1"], patient=True)
    lake.clock.go_on(0.2)
    await reader.facts(["o-1"], patient=True)
    assert lake.deadlines == [8.0, pytest.approx(2.005)]
