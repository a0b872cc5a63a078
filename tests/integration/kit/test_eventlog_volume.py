"""The event log by the hundred thousand: 24 writers at once, some of whom change their minds, two relays, two followers.

SUPPORT_LOG_ROWS says how many rows (100,000); a million takes some minutes.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, ClassVar

import pytest

from support.postgres import DatabaseDsns
from support_service.kit.database import Database, Row, Tx
from support_service.kit.eventlog import Follower, LoggedEvent, LogRow, Relay, append_all
from support_service.kit.privacy import DataClass

ROWS = int(os.environ.get("SUPPORT_LOG_ROWS", "100000"))
WRITERS = 24
SUBJECTS = 200
MOST_AT_ONCE = 100
ROLLED_BACK = 0.05
FAILED_BATCHES = 0.05
PATIENCE_S = 40 + ROWS / 2_000


class Happened(LoggedEvent):
    type_: ClassVar[str] = "test.happened"
    n: Annotated[int, DataClass.NONE]


class ChangedMyMind(Exception):  # noqa: N818 - not a failure here
    pass


@pytest.fixture
async def database(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    opened = Database(database_dsns.app, name="test", max_size=WRITERS + 6, command_timeout_s=60)
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.connection() as connection:
        await connection.execute(f"""
            CREATE TABLE subjects (id int PRIMARY KEY, version bigint NOT NULL);
            CREATE TABLE handled (position bigint NOT NULL, subject text NOT NULL, sequence bigint NOT NULL);
            GRANT ALL ON subjects, handled TO PUBLIC;
            INSERT INTO subjects SELECT n, 0 FROM generate_series(0, {SUBJECTS - 1}) AS n;
        """)
    yield opened
    await opened.close()
    await owner.close()


async def write(database: Database, seed: int, rows: int) -> int:
    """Log so many rows of cases, some in each transaction; returns how many were committed."""
    chance, committed = random.Random(seed), 0
    while committed < rows:
        count = min(chance.randint(1, MOST_AT_ONCE), rows - committed)
        try:
            async with database.transaction() as tx:
                subject = chance.randrange(SUBJECTS)
                last = await tx.fetchval(
                    "UPDATE subjects SET version = version + $2 WHERE id = $1 RETURNING version", subject, count
                )
                numbers = range(last - count + 1, last + 1)
                await append_all(tx, [(Happened(n=seed), str(subject), number) for number in numbers])
                await asyncio.sleep(chance.random() * 0.01)  # so that later ids are committed before earlier ones
                if chance.random() < ROLLED_BACK:
                    raise ChangedMyMind  # noqa: TRY301 - inside the transaction, that is the point
        except ChangedMyMind:
            continue
        committed += count
    return committed


def following(database: Database, seed: int) -> Follower:
    """A follower that notes what it handles, in the transaction of its cursor, and fails now and then after it did."""
    chance = random.Random(seed)

    async def handle(tx: Tx, rows: Sequence[LogRow]) -> None:
        await tx.copy_records_to_table("handled", records=[(row.position, row.subject, row.sequence) for row in rows])
        if chance.random() < FAILED_BATCHES:
            raise ChangedMyMind

    return Follower(database, "handled", handle)


async def found(database: Database) -> Row:
    """What was handled, and what is wrong with it."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            """
            SELECT count(*) AS rows, count(DISTINCT position) AS positions, min(position) AS first, max(position) AS last,
                count(*) FILTER (WHERE sequence <> nth) AS out_of_order,
                (SELECT count(*) FROM event_log) AS written,
                (SELECT sum(version)::bigint FROM subjects) AS versions
            FROM (SELECT *, row_number() OVER (PARTITION BY subject ORDER BY position) AS nth FROM handled) AS numbered
            """
        )
    assert row is not None
    return row


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE_S, func_only=True)
async def test_under_24_writers_who_sometimes_change_their_minds_every_row_is_handled_once_in_the_order_of_its_case(
    database: Database,
) -> None:
    stop = asyncio.Event()
    working = [
        *(asyncio.create_task(Relay(database).run(stop)) for _ in range(2)),
        *(asyncio.create_task(following(database, seed).run(stop)) for seed in range(2)),
    ]
    share = [ROWS // WRITERS + (number < ROWS % WRITERS) for number in range(WRITERS)]
    async with asyncio.timeout(PATIENCE_S):
        committed = sum(await asyncio.gather(*(write(database, seed, rows) for seed, rows in enumerate(share))))
        while await handled(database) < committed:
            await asyncio.sleep(0.2)
    stop.set()
    await asyncio.gather(*working)

    assert dict(await found(database)) == {
        "rows": committed,
        "positions": committed,
        "first": 1,
        "last": committed,
        "out_of_order": 0,  # the nth row of a case is its nth change
        "written": committed,
        "versions": committed,
    }


async def handled(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM handled"))
