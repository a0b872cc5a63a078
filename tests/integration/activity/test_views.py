"""Views are written in batches, once for each agent, case and minute; denials at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from support.clocks import HandClock
from support_service.activity import Denials, ViewRecorder
from support_service.activity import views as module
from support_service.kit.database import Database, DatabaseUnavailable


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def recorder(database: Database, clock: HandClock) -> ViewRecorder:
    return ViewRecorder(database, clock)


async def views(database: Database) -> list[tuple[UUID, UUID]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT agent_id, ticket_id FROM support_agent_activity WHERE action = 'case.viewed' ORDER BY activity_id"
        )
        return [(row["agent_id"], row["ticket_id"]) for row in rows]


@asynccontextmanager
async def running(recorder: ViewRecorder) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(recorder.run(stop))
    yield stop
    stop.set()
    await task


@asynccontextmanager
async def away(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The database cannot be reached for a while."""

    def unreachable() -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(database, "connection", unreachable)
        yield


async def test_views_within_a_minute_are_one_row_and_the_next_minute_another(
    recorder: ViewRecorder, database: Database, clock: HandClock
) -> None:
    agent_id, ticket_id = uuid4(), uuid4()
    for _ in range(20):
        await recorder.viewed(agent_id, ticket_id)
        clock.go_on(2)
    assert len(recorder._waiting) == 1
    await recorder.flush()
    assert await views(database) == [(agent_id, ticket_id)]
    clock.go_on(20)
    await recorder.viewed(agent_id, ticket_id)
    await recorder.flush()
    assert len(await views(database)) == 2


async def test_two_processes_with_the_same_views_write_them_once(database: Database, clock: HandClock) -> None:
    recorders = [ViewRecorder(database, clock) for _ in range(4)]
    seen = [(uuid4(), uuid4()) for _ in range(300)]
    for number, recorder in enumerate(recorders):
        for agent_id, ticket_id in seen if number % 2 else reversed(seen):
            await recorder.viewed(agent_id, ticket_id)
    await asyncio.gather(*(recorder.flush() for recorder in recorders))
    assert sorted(await views(database)) == sorted(seen)


async def test_views_are_written_by_themselves_though_few_wait(recorder: ViewRecorder, database: Database) -> None:
    async with running(recorder):
        await recorder.viewed(uuid4(), uuid4())
        async with asyncio.timeout(10):
            while not await views(database):
                await asyncio.sleep(0.1)


async def test_many_views_do_not_wait_for_the_second_to_end(
    recorder: ViewRecorder, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_EVERY_S", 60.0)
    async with running(recorder):
        await asyncio.sleep(0.05)
        for _ in range(module.BATCH):
            await recorder.viewed(uuid4(), uuid4())
        await asyncio.sleep(0.5)
        assert len(await views(database)) == module.BATCH


async def test_views_that_come_while_others_are_written_are_written_too(
    recorder: ViewRecorder, database: Database
) -> None:
    for _ in range(2 * module.BATCH + 7):
        await recorder.viewed(uuid4(), uuid4())
    writing = asyncio.create_task(recorder.flush())
    while not writing.done():
        await recorder.viewed(uuid4(), uuid4())
        await asyncio.sleep(0.001)
    await recorder.flush()
    assert len(await views(database)) >= 2 * module.BATCH + 8
    assert recorder._waiting == []


async def test_what_waits_when_the_process_ends_is_written(recorder: ViewRecorder, database: Database) -> None:
    async with running(recorder) as stop:
        await asyncio.sleep(0.05)
        stop.set()
        for _ in range(7):
            await recorder.viewed(uuid4(), uuid4())
    assert len(await views(database)) == 7


async def test_views_wait_while_the_database_is_away_and_none_is_lost(
    recorder: ViewRecorder, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with away(database, monkeypatch):
        for _ in range(5):
            await recorder.viewed(uuid4(), uuid4())
        with pytest.raises(DatabaseUnavailable):
            await recorder.flush()
    await recorder.flush()
    assert len(await views(database)) == 5


async def test_when_too_many_wait_nobody_is_shown_a_case_unrecorded(
    recorder: ViewRecorder, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    async with away(database, monkeypatch):
        for _ in range(3):
            await recorder.viewed(uuid4(), uuid4())
        with pytest.raises(DatabaseUnavailable):
            await recorder.viewed(uuid4(), uuid4())
    await recorder.viewed(uuid4(), uuid4())
    assert len(await views(database)) == 5


async def test_a_denial_is_on_record_when_the_call_returns(database: Database) -> None:
    agent_id, ticket_id = uuid4(), uuid4()
    await Denials(database).denied(agent_id, "case.out_of_sight", ticket_id, team="orders")
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT agent_id, action, ticket_id, detail FROM support_agent_activity")
    assert row is not None
    assert tuple(row) == (agent_id, "case.out_of_sight", ticket_id, {"team": "orders"})


async def test_a_denial_that_cannot_be_recorded_raises(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with away(database, monkeypatch):
        with pytest.raises(DatabaseUnavailable):
            await Denials(database).denied(uuid4(), "case.out_of_sight")
