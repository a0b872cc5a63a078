"""Reading the services for many: shared calls of bounded size, and nobody harmed by another's order."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from support_service.kit.clock import SystemClock
from support_service.ports.commerce import CommerceError, CommerceReason
from support_service.sources.catalog import BY_NAME
from support_service.sources.from_rest import ServiceReader
from support_service.sources.reading import Reading

ORDER = BY_NAME["order"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def placed(order_id: str) -> dict[str, object]:
    return {
        "order_id": order_id,
        "customer_id": "c",
        "version": 1,
        "occurred_at": "2026-06-01T12:00:00Z",
        "status": "created",
        "total_minor": 100,
        "currency": "BRL",
        "item_count": 1,
        "estimated_delivery": None,
    }


class Services:
    """Services in which every order was placed; some orders make an answer fail, as a rule each for its own reason."""

    def __init__(self, reasons: Mapping[str, CommerceReason] | None = None) -> None:
        self.calls: list[list[str]] = []
        self.reasons = dict(reasons or {})
        self.also: list[object] = []
        self.most_at_once = self._at_once = 0

    async def get(self, service: str, path: str, params: Mapping[str, str], *, deadline_s: float) -> object:
        order_ids = params["order_ids"].split(",")
        self.calls.append(order_ids)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0.01)
        self._at_once -= 1
        for order_id in order_ids:
            if order_id in self.reasons:
                raise CommerceError(self.reasons[order_id], service)
        return {"items": [*map(placed, order_ids), *self.also]}

    async def close(self) -> None:
        raise NotImplementedError


async def ask(reader: ServiceReader, *askers: list[str]) -> list[Reading | None]:
    return await asyncio.gather(*(reader.facts(ORDER, order_ids, EPOCH) for order_ids in askers))


def orders(reading: Reading | None) -> list[str]:
    assert reading is not None
    return sorted(fact.order_id for fact in reading.facts)


async def test_reads_at_the_same_time_share_calls_of_a_hundred_orders_and_each_gets_their_own() -> None:
    services = Services()
    askers = [[f"o-{n}", f"o-{n + 1}"] for n in range(249)]
    readings = await ask(ServiceReader(services, SystemClock()), *askers)
    assert [orders(reading) for reading in readings] == [sorted(asked) for asked in askers]
    assert [len(call) for call in services.calls] == [100, 100, 50]


async def test_who_comes_while_a_call_is_under_way_rides_with_a_later_one() -> None:
    services = Services()
    reader = ServiceReader(services, SystemClock())

    async def late(n: int) -> Reading | None:
        await asyncio.sleep(n * 0.001)
        return await reader.facts(ORDER, [f"o-{n}"], EPOCH)

    readings = await asyncio.gather(*map(late, range(40)))
    assert [orders(reading) for reading in readings] == [[f"o-{n}"] for n in range(40)]
    assert len(services.calls) < 20
    assert services.most_at_once == 2


async def test_an_order_that_makes_an_answer_fail_harms_nobody_but_its_own_reader() -> None:
    for reason in ("limit", "rejected", "missing"):
        services = Services({"o-7": reason})
        readings = await ask(ServiceReader(services, SystemClock()), *([f"o-{n}"] for n in range(100)))
        assert [n for n, reading in enumerate(readings) if reading is None] == [7]
        assert len(services.calls) <= 15


async def test_a_service_that_does_not_answer_is_not_asked_again_in_halves() -> None:
    services = Services({"o-7": "timeout"})
    assert await ask(ServiceReader(services, SystemClock()), *([f"o-{n}"] for n in range(10))) == [None] * 10
    assert len(services.calls) == 1


async def test_an_item_that_may_be_any_orders_leaves_none_whole_and_a_broken_one_only_its_own() -> None:
    services = Services()
    reader = ServiceReader(services, SystemClock())
    services.also = [{"order_id": "o-1", "version": "?"}]
    assert [reading and reading.truncated for reading in await ask(reader, ["o-1"], ["o-2"])] == [True, False]
    services.also = ["neither an order nor anything else"]
    assert [reading and reading.truncated for reading in await ask(reader, ["o-1"], ["o-2"])] == [True, True]
    services.also = [placed("nobody-asked-for-it")]
    told = await ask(reader, ["o-1"], ["o-2"])
    assert [reading and reading.truncated for reading in told] == [False, False]
    assert [orders(reading) for reading in told] == [["o-1"], ["o-2"]]
