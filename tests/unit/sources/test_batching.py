"""Who asks the lake at the same time shares a query; nobody waits for ever, and nobody gets another's rows."""

import asyncio
from collections.abc import Sequence

from support.clocks import HandClock
from support_service.kit.clock import SystemClock
from support_service.sources.approach import Approach
from support_service.sources.batching import IN_FLIGHT, MOST_IDS, LakeBatcher

Answer = dict[str, str]


class Lake:
    """Answers after a while, and remembers what it was asked and how many were under way at once."""

    def __init__(self, took_s: float = 0.02) -> None:
        self.queries: list[list[str]] = []
        self.most_at_once = 0
        self.dead = False
        self._took_s = took_s
        self._under_way = 0

    async def ask(self, order_ids: Sequence[str]) -> Answer | None:
        self.queries.append(list(order_ids))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(self._took_s)
        finally:
            self._under_way -= 1
        return None if self.dead else {order_id: f"of {order_id}" for order_id in order_ids}


async def storm(batcher: LakeBatcher[Answer], count: int) -> list[Answer | None]:
    return await asyncio.gather(*(batcher.ask([f"o-{n}"]) for n in range(count)))


async def test_a_thousand_at_once_go_in_two_or_three_queries_of_bounded_size_two_at_a_time_and_each_gets_its_own() -> (
    None
):
    lake = Lake()
    answers = await storm(LakeBatcher(lake.ask, SystemClock()), 1_000)
    for n, answer in enumerate(answers):
        assert answer is not None
        assert answer[f"o-{n}"] == f"of o-{n}"
    assert len(lake.queries) in {2, 3}
    assert max(map(len, lake.queries)) <= MOST_IDS
    assert lake.most_at_once == IN_FLIGHT


async def test_once_queries_are_known_to_be_slow_those_who_trickle_in_are_gathered() -> None:
    lake = Lake(took_s=0.2)
    batcher = LakeBatcher(lake.ask, SystemClock())
    for _ in range(6):
        await batcher.ask(["warm"])
    lake.queries.clear()

    async def late(n: int) -> None:
        await asyncio.sleep(n * 0.001)
        await batcher.ask([f"o-{n}"])

    await asyncio.gather(*(late(n) for n in range(20)))
    assert len(lake.queries) <= 2


async def test_a_storm_that_its_own_front_work_spreads_out_goes_in_one_query() -> None:
    lake = Lake(took_s=0.3)
    batcher = LakeBatcher(lake.ask, SystemClock())
    for _ in range(6):
        await batcher.ask(["warm"])
    lake.queries.clear()

    async def late(n: int) -> None:
        await asyncio.sleep(n // 50 * 0.02)  # the last ones after 180 ms: more than a fifth of what a query takes
        await batcher.ask([f"o-{n}"])

    await asyncio.gather(*(late(n) for n in range(450)))
    assert len(lake.queries) == 1


async def test_the_first_few_of_a_storm_wait_for_those_who_set_out_just_after_they_have_arrived() -> None:
    lake, approach = Lake(took_s=0.4), Approach()
    batcher = LakeBatcher(lake.ask, SystemClock(), approach=approach)
    for _ in range(6):
        await batcher.ask(["warm"])
    lake.queries.clear()

    async def come(n: int) -> None:
        arrived = approach.set_out()
        await asyncio.sleep(n % 8 * 0.001)
        asking = asyncio.create_task(batcher.ask([f"o-{n}"]))
        await asyncio.sleep(0)
        arrived()
        await asking

    first = [asyncio.create_task(come(n)) for n in range(8)]
    await asyncio.sleep(0.015)
    assert approach.count == 0
    await asyncio.gather(*first, *(come(n) for n in range(8, 400)))
    assert len(lake.queries) == 1


async def test_one_who_asks_alone_of_a_fast_lake_waits_for_nobody() -> None:
    lake = Lake(took_s=0)
    batcher = LakeBatcher(lake.ask, SystemClock())
    answer = await batcher.ask(["o-1", "o-2"])
    assert answer is not None
    assert set(answer) == {"o-1", "o-2"}
    assert lake.queries == [["o-1", "o-2"]]


async def test_an_order_that_many_ask_for_is_asked_for_once() -> None:
    lake = Lake()
    batcher = LakeBatcher(lake.ask, SystemClock())
    await asyncio.gather(*(batcher.ask(["o-1"]) for _ in range(50)))
    assert [len(query) for query in lake.queries] == [1] * len(lake.queries)
    assert len(lake.queries) <= 2


async def test_a_dead_lake_is_no_answer_for_everybody() -> None:
    lake = Lake()
    lake.dead = True
    assert await storm(LakeBatcher(lake.ask, SystemClock()), 20) == [None] * 20


async def test_nobody_waits_longer_than_they_said_for_a_lake_that_hangs() -> None:
    lake = Lake(took_s=1)
    batcher = LakeBatcher(lake.ask, SystemClock())
    assert await asyncio.gather(*(batcher.ask([f"o-{n}"], wait_s=0.1) for n in range(3))) == [None] * 3
    await batcher.close()


async def test_one_who_gives_up_takes_nobody_with_them() -> None:
    lake = Lake()
    batcher = LakeBatcher(lake.ask, SystemClock())
    asking = [asyncio.create_task(batcher.ask([f"o-{n}"])) for n in range(100)]
    await asyncio.sleep(0.005)
    for gone in asking[::2]:
        gone.cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(answer, dict) for answer in answers[1::2])


async def test_a_query_that_breaks_leaves_no_asker_waiting_and_the_next_one_is_served() -> None:
    broken = [True]

    async def ask(order_ids: Sequence[str]) -> Answer | None:
        if broken.pop() if broken else False:
            raise RuntimeError
        return {}

    batcher = LakeBatcher(ask, HandClock())
    assert await batcher.ask(["o-1"]) is None
    assert await batcher.ask(["o-2"]) is not None
