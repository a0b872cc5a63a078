"""Due work: claimed once at a time, tried again when it fails, taken over when its worker dies."""

import asyncio
from datetime import datetime, timedelta

import pytest

from support.clocks import HandClock
from support_service.kit.database import Database
from support_service.kit.due import Again, Due, DueWorker, NotYet, schedule

START = HandClock().now()


def since_start(clock: HandClock) -> float:
    return (clock.now() - START).total_seconds()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def put(database: Database, key: str, at: datetime) -> None:
    async with database.transaction() as tx:
        await schedule(tx, "job", key, at, {"key": key})


async def test_work_is_done_once_when_its_time_has_come_though_two_workers_look_for_it(
    database: Database, clock: HandClock
) -> None:
    done: list[str] = []

    async def work(due: Due) -> None:
        await asyncio.sleep(0.01)
        done.append(due.key)

    workers = [DueWorker(database, clock, {"job": work}, periodic=()) for _ in range(2)]
    for n in range(10):
        await put(database, str(n), START if n < 8 else START + timedelta(minutes=1))
    for _ in range(3):
        await asyncio.gather(*(worker.step() for worker in workers))
    assert sorted(done) == [str(n) for n in range(8)]
    clock.go_on(60)
    await workers[0].step()
    assert sorted(done) == [str(n) for n in range(10)]


async def test_failing_work_is_tried_again_after_1_2_and_4_seconds(database: Database, clock: HandClock) -> None:
    tried: list[float] = []

    async def work(due: Due) -> None:
        tried.append(since_start(clock))
        if due.attempts < 4:
            raise NotYet if due.attempts % 2 else RuntimeError

    worker = DueWorker(database, clock, {"job": work}, periodic=())
    await put(database, "a", START)
    for _ in range(40):
        await worker.step()
        clock.go_on(0.25)
    assert tried == [0, 1, 3, 7]


async def test_work_whose_worker_died_is_taken_over_after_its_lease(database: Database, clock: HandClock) -> None:
    started = asyncio.Event()

    async def hang(due: Due) -> None:
        started.set()
        await asyncio.Event().wait()

    await put(database, "a", START)
    dying = asyncio.create_task(DueWorker(database, clock, {"job": hang}, periodic=()).step())
    await started.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    done: list[int] = []

    async def work(due: Due) -> None:
        done.append(due.attempts)

    other = DueWorker(database, clock, {"job": work}, periodic=())
    await other.step()
    assert done == []
    clock.go_on(61)
    await other.step()
    assert done == [2]


async def test_work_scheduled_anew_while_it_runs_is_not_lost(database: Database, clock: HandClock) -> None:
    seen: list[object] = []

    async def work(due: Due) -> None:
        seen.append(due.payload)
        if len(seen) == 1:
            async with database.transaction() as tx:
                await schedule(tx, "job", "a", clock.now(), {"second": True})

    worker = DueWorker(database, clock, {"job": work}, periodic=())
    await put(database, "a", START)
    await worker.step()
    await worker.step()
    await worker.step()
    assert seen == [{"key": "a"}, {"second": True}]


async def test_periodic_work_comes_again_when_it_says(database: Database, clock: HandClock) -> None:
    ran: list[float] = []

    async def work(due: Due) -> Again:
        ran.append(since_start(clock))
        return Again(clock.now() + timedelta(seconds=10))

    worker = DueWorker(database, clock, {"sweep": work}, periodic=("sweep",))
    for _ in range(25):
        await worker.step()
        clock.go_on(1)
    assert ran == [0, 10, 20]
