"""A query waits for the reads that are on their way to it."""

import asyncio
from collections.abc import Sequence

from support_service.kit.clock import SystemClock
from support_service.sources.approach import Approach
from support_service.sources.batching import LakeBatcher


def test_who_arrives_twice_is_counted_once() -> None:
    approach = Approach()
    arrived, _other = approach.set_out(), approach.set_out()
    assert approach.count == 2
    arrived()
    arrived()
    assert approach.count == 1


async def test_a_query_sets_out_with_those_who_were_on_their_way_to_it() -> None:
    asked: list[int] = []

    async def ask(ids: Sequence[str]) -> Sequence[str]:
        asked.append(len(ids))
        await asyncio.sleep(0.5)
        return ids

    approach = Approach()
    batcher = LakeBatcher(ask, SystemClock(), approach=approach)
    for number in range(6):  # so that it knows what queries take
        await batcher.ask([f"early-{number}"])
    asked.clear()

    async def late(number: int) -> None:
        arrived = approach.set_out()
        await asyncio.sleep(0.11)  # longer than a query waits for nobody
        arrived()
        await batcher.ask([f"late-{number}"])

    on_their_way = [asyncio.create_task(late(number)) for number in range(20)]
    await asyncio.sleep(0)
    await asyncio.gather(batcher.ask(["first"]), *on_their_way)
    assert asked == [21]
