"""Reading the lake for many: rows in bounded queries, the newest orders of many customers in one."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from support_service.adapters.embedded.rides import EmbeddedRides
from support_service.kit.clock import SystemClock
from support_service.ports.lake import LakeRow
from support_service.sources import from_lake
from support_service.sources.from_lake import LakeReader

NOW = datetime.now(UTC)


class OneRowAnOrder:
    """A lake in which each order has one row, and each customer the three orders `<customer>-0` to `-2`."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        self.asked.append(list(order_ids))
        await asyncio.sleep(0.01)
        return [
            LakeRow("order", order_id, "c", order_id, 1, "order.created", NOW, '{"status": "created"}')
            for order_id in order_ids
        ][:limit]

    async def newest_orders(
        self, customer_ids: Sequence[str], *, limit: int, deadline_s: float
    ) -> dict[str, list[str]]:
        self.asked.append(list(customer_ids))
        await asyncio.sleep(0.01)
        known = [customer_id for customer_id in customer_ids if customer_id != "nobody"]
        return {customer_id: [f"{customer_id}-{n}" for n in range(3)][:limit] for customer_id in known}

    async def ping(self, *, deadline_s: float) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def reader(lake: OneRowAnOrder) -> LakeReader:
    return LakeReader(lake, SystemClock(), window=timedelta(days=1), newest=2)


async def test_more_rows_than_one_query_gives_are_asked_for_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_lake, "MOST_ROWS", 3)
    lake = OneRowAnOrder()
    readings = await reader(lake).facts([f"o-{n}" for n in range(8)])
    assert {fact.order_id for fact in readings["order"].facts} == {f"o-{n}" for n in range(8)}
    assert not readings["order"].truncated
    assert [len(query) for query in lake.asked] == [8, 4, 2, 2, 4, 2, 2]


async def test_the_newest_orders_of_customers_asked_for_at_once_cost_few_queries_and_each_gets_their_own() -> None:
    lake = OneRowAnOrder()
    lakes = reader(lake)
    customers = [*(f"c-{n}" for n in range(300)), "nobody"]
    found = await asyncio.gather(*map(lakes.newest_orders, customers))
    assert found == [[f"{customer}-0", f"{customer}-1"] for customer in customers[:-1]] + [[]]
    assert len(lake.asked) <= 3


async def crowds_in_two_processes(lake: OneRowAnOrder, size: int) -> None:
    """Both ask at once, and each gets the rows of its own orders alone."""
    rides = EmbeddedRides(SystemClock())
    both = [
        LakeReader(lake, SystemClock(), window=timedelta(days=1), newest=2, rides=one)
        for one in (rides, rides.beside())
    ]
    for process in both:
        for _ in range(6):  # so that it knows what queries take
            await process.facts(["warm"])
    lake.asked.clear()

    async def ask(process: LakeReader, order_id: str) -> None:
        readings = await process.facts([order_id])
        assert [fact.order_id for fact in readings["order"].facts] == [order_id]

    await asyncio.gather(*(ask(process, f"{at}-{n}") for n in range(size) for at, process in enumerate(both)))


async def test_crowds_in_two_processes_cost_one_query() -> None:
    lake = OneRowAnOrder()
    await crowds_in_two_processes(lake, 50)
    assert [len(query) for query in lake.asked] == [100]


async def test_a_few_in_each_of_two_processes_ask_for_themselves() -> None:
    lake = OneRowAnOrder()
    await crowds_in_two_processes(lake, 5)
    assert [len(query) for query in lake.asked] == [5, 5]


async def test_crowds_are_not_shared_while_a_lake_that_came_back_is_asked_little_by_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LakeReader, "is_well", False)
    lake = OneRowAnOrder()
    await crowds_in_two_processes(lake, 50)
    assert [len(query) for query in lake.asked] == [50, 50]
