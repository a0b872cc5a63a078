"""The event log under concurrent writers: nothing lost, no gap, no inversion, each row handled once in effect."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, ClassVar

import pytest

from support.postgres import DatabaseDsns
from support_service.kit import eventlog
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database, Tx
from support_service.kit.eventlog import Follower, Heard, LoggedEvent, LogRow, LogTail, Relay, append, append_all
from support_service.kit.privacy import DataClass
from support_service.kit.sql import load_queries

WRITERS = 24
WRITES_EACH = 60
SUBJECTS = 7
_KIT = "support_service.kit"


class Happened(LoggedEvent):
    type_: ClassVar[str] = "test.happened"
    n: Annotated[int, DataClass.NONE]


class Rollback(Exception):  # noqa: N818 - not a failure here: the writer changed its mind
    pass


@pytest.fixture
async def database(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    opened = Database(database_dsns.app, name="test", max_size=30)
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.connection() as connection:
        await connection.execute("CREATE TABLE subjects (id int PRIMARY KEY, version bigint NOT NULL)")
        await connection.execute("CREATE TABLE effects (position bigint NOT NULL)")
        await connection.execute("GRANT ALL ON subjects, effects TO PUBLIC")
        await connection.execute(f"INSERT INTO subjects SELECT n, 0 FROM generate_series(0, {SUBJECTS - 1}) AS n")
    yield opened
    await opened.close()
    await owner.close()


async def write(database: Database, seed: int) -> int:
    """Append from one writer, five in a hundred rolled back; returns how many were committed."""
    chance = random.Random(seed)
    committed = 0
    for _ in range(WRITES_EACH):
        subject = chance.randrange(SUBJECTS)
        try:
            async with database.transaction() as tx:
                version = await tx.fetchval(
                    "UPDATE subjects SET version = version + 1 WHERE id = $1 RETURNING version", subject
                )
                await append(tx, Happened(n=seed), subject=str(subject), sequence=version)
                if chance.random() < 0.05:
                    raise Rollback  # noqa: TRY301 - inside the transaction, that is the point
                await asyncio.sleep(chance.random() * 0.003)
            committed += 1
        except Rollback:
            continue
    return committed


async def read_all(database: Database) -> list[LogRow]:
    found: list[LogRow] = []

    async def handle(tx: Tx, rows: Sequence[LogRow]) -> None:
        found.extend(rows)

    follower = Follower(database, "reader", handle)
    while await follower.step():
        pass
    return found


async def drain(relay: Relay) -> None:
    while await relay.step():
        pass


async def test_under_24_writers_and_two_relays_no_row_is_lost_positions_have_no_gap_and_no_subject_is_inverted(
    database: Database,
) -> None:
    stop = asyncio.Event()
    relays = [asyncio.create_task(Relay(database).run(stop)) for _ in range(2)]
    committed = sum(await asyncio.gather(*(write(database, seed) for seed in range(WRITERS))))
    stop.set()
    await asyncio.gather(*relays)
    await drain(Relay(database))

    rows = await read_all(database)
    assert len(rows) == committed
    assert [row.position for row in rows] == list(range(1, committed + 1))
    for subject in range(SUBJECTS):
        sequences = [row.sequence for row in rows if row.subject == str(subject)]
        assert sequences == sorted(sequences)
        assert len(set(sequences)) == len(sequences)


async def test_a_relay_stamps_nothing_while_another_is_at_it(database: Database) -> None:
    async with database.transaction() as tx:
        await append_all(tx, [(Happened(n=n), "0", n) for n in range(3)])
    async with database.transaction() as another:
        assert await another.fetchval(load_queries(_KIT)["lock_head"]) == 0
        assert await Relay(database).step() == 0
    assert await Relay(database).step() == 3


async def test_two_processes_of_one_follower_and_a_handler_that_fails_handle_each_row_once(database: Database) -> None:
    async with database.transaction() as tx:
        await append_all(tx, [(Happened(n=n), "0", n) for n in range(1_200)])
    await drain(Relay(database))
    chance = random.Random(7)

    async def handle(tx: Tx, rows: Sequence[LogRow]) -> None:
        await tx.executemany("INSERT INTO effects VALUES ($1)", [(row.position,) for row in rows])
        if chance.random() < 0.5:
            raise Rollback

    followers = [Follower(database, "effects", handle) for _ in range(2)]
    stop = asyncio.Event()
    runs = [asyncio.create_task(follower.run(stop)) for follower in followers]
    async with asyncio.timeout(20), database.connection() as connection:
        count = "SELECT count(DISTINCT position) FROM effects"
        while await connection.fetchval(count) < 1_200:
            await asyncio.sleep(0.02)
    stop.set()
    await asyncio.gather(*runs)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM effects") == 1_200


async def test_a_tail_hears_of_what_is_written_after_it_began_without_the_relay_and_knows_its_age(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        await append(tx, Happened(n=1), subject="0", sequence=1)
    await drain(Relay(database))
    heard: list[tuple[str, int]] = []

    async def apply(rows: Sequence[Heard]) -> None:
        heard.extend((row.subject, row.sequence) for row in rows)

    tail = LogTail(database, apply, SystemClock(), poll_s=0.02)
    assert not tail.knows(0.0)
    await tail.step()
    assert heard == []
    assert tail.knows(time.monotonic() - 5)
    async with database.transaction() as tx:
        await append(tx, Happened(n=2), subject="0", sequence=2)
    await tail.step()
    assert heard == [("0", 2)]  # though no relay has stamped it yet
    await drain(Relay(database))
    await tail.step()
    assert heard == [("0", 2), ("0", 2)]
    await tail.step()
    assert len(heard) == 2


async def test_who_needs_to_know_together_shares_one_look_and_one_that_began_earlier_does_not_do(
    database: Database,
) -> None:
    looks = 0

    async def apply(_rows: Sequence[Heard]) -> None:
        nonlocal looks
        looks += 1

    clock = SystemClock()
    tail = LogTail(database, apply, clock, poll_s=60)
    await tail.step()
    async with database.transaction() as tx:
        await append(tx, Happened(n=1), subject="0", sequence=1)
    moment = clock.monotonic()
    assert not tail.knows(moment)
    assert all(await asyncio.gather(*(tail.learn(moment) for _ in range(100))))
    assert looks == 1
    assert not tail.knows(clock.monotonic())


async def test_with_more_rows_waiting_for_a_position_than_a_tail_hears_of_it_says_that_it_does_not_know(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def apply(_rows: Sequence[Heard]) -> None:
        """Nothing is kept."""

    monkeypatch.setattr(eventlog, "_MOST_UNSTAMPED", 10)
    clock = SystemClock()
    tail = LogTail(database, apply, clock, poll_s=60)
    await tail.step()
    async with database.transaction() as tx:
        await append_all(tx, [(Happened(n=n), "0", n) for n in range(11)])
    assert not await tail.learn(clock.monotonic())
    await drain(Relay(database))
    assert await tail.learn(clock.monotonic())


async def test_a_tail_hears_of_everything_though_a_relay_stamps_while_it_reads(database: Database) -> None:
    heard: set[tuple[str, int]] = set()

    async def apply(rows: Sequence[Heard]) -> None:
        heard.update((row.subject, row.sequence) for row in rows)

    tail = LogTail(database, apply, SystemClock(), poll_s=0.001)
    await tail.step()
    stop = asyncio.Event()
    running = [asyncio.create_task(tail.run(stop)), asyncio.create_task(Relay(database).run(stop))]
    await asyncio.gather(*(write(database, seed) for seed in range(8)))
    stop.set()
    await asyncio.gather(*running)
    await drain(Relay(database))
    while await tail.step():
        pass
    assert heard == {(row.subject, row.sequence) for row in await read_all(database)}


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("planned", ["force_custom_plan", "force_generic_plan"])
async def test_a_batch_is_stamped_without_looking_at_the_other_rows_that_wait(
    database_dsns: DatabaseDsns, database: Database, planned: str, *, analyzed: bool
) -> None:
    async with database.transaction() as tx:
        await append_all(tx, [(Happened(n=n), "0", n) for n in range(20_000)])
    queries = load_queries(_KIT)
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.transaction() as tx:
        if analyzed:
            await tx.execute("ANALYZE event_log")
        await tx.execute(f"SET LOCAL plan_cache_mode = {planned}")
        await tx.fetch(queries["lock_head"])
        stamped = await tx.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {queries['stamp']}", 0, 500)
        plan = "\n".join(row[0] for row in stamped)
    await owner.close()
    assert "event_log_unstamped" in plan
    assert "rows=20000" not in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("analyzed", ["never", "while all waited", "since"])
@pytest.mark.parametrize("query", ["any_unstamped", "any_after_cursor"])
async def test_that_there_is_nothing_to_do_is_found_out_without_looking_at_the_log(
    database_dsns: DatabaseDsns, database: Database, query: str, analyzed: str
) -> None:
    async with database.transaction() as tx:
        await append_all(tx, [(Happened(n=n), "0", n) for n in range(5_000)])
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.connection() as connection:
        if analyzed == "while all waited":
            await connection.execute("ANALYZE event_log")
        await drain(Relay(database))
        follower = Follower(database, "followed", nothing)
        while await follower.step():
            pass
        if analyzed == "since":
            await connection.execute("ANALYZE event_log")
        values = [follower.name] if query == "any_after_cursor" else []
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {load_queries(_KIT)[query]}"
        plan = "\n".join(row[0] for row in await connection.fetch(explain, *values))
    await owner.close()
    assert "Seq Scan on event_log" not in plan
    assert "Rows Removed by Filter" not in plan


async def nothing(_tx: Tx, _rows: Sequence[LogRow]) -> None:
    """Handle a batch by doing nothing."""
