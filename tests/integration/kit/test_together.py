"""Several statements in one trip: all of them happen, or none."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from support_service.kit.database import Database, Tx
from support_service.kit.together import Together

_PARENT, _CHILD = "INSERT INTO parent VALUES ($1)", "INSERT INTO child VALUES ($1, $2)"


@pytest.fixture
async def tx(database: Database) -> AsyncIterator[Tx]:
    async with database.connection() as connection:
        await connection.execute("CREATE TEMP TABLE parent (id int PRIMARY KEY)")
        await connection.execute("CREATE TEMP TABLE child (id int, parent int NOT NULL REFERENCES parent)")
        yield connection


async def test_what_was_gathered_is_sent_with_the_statement_whose_answer_is_needed(tx: Tx) -> None:
    together = Together(tx)
    await together.execute(_CHILD, 7, 1)  # before its parent: foreign keys are checked when all is done
    await together.execute(_CHILD, 8, 1)
    assert await tx.fetchval("SELECT count(*) FROM child") == 0
    row = await together.fetchrow(f"{_PARENT} RETURNING id + $2 AS more", 1, 41)
    assert row is not None
    assert row["more"] == 42
    assert [tuple(row) for row in await tx.fetch("SELECT id, parent FROM child ORDER BY id")] == [(7, 1), (8, 1)]


async def test_nothing_is_sent_twice(tx: Tx) -> None:
    together = Together(tx)
    await together.execute(_PARENT, 1)
    await together.fetchrow("SELECT 1")
    await together.fetchrow("SELECT 2")
    assert await tx.fetchval("SELECT count(*) FROM parent") == 1


async def test_when_one_is_refused_none_has_happened(tx: Tx) -> None:
    together = Together(tx)
    await together.execute(_CHILD, 7, 2)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await together.fetchrow(f"{_PARENT} RETURNING id", 1)
    assert await tx.fetchval("SELECT count(*) FROM parent") == 0


async def test_what_needs_no_answer_is_sent_when_told_to_and_once(tx: Tx) -> None:
    together = Together(tx)
    await together.send()
    await together.execute(_CHILD, 7, 1)
    await together.execute(_PARENT, 1)
    await together.send()
    await together.send()
    rows = await tx.fetch("SELECT child.id, parent FROM child JOIN parent ON parent.id = parent")
    assert [tuple(row) for row in rows] == [(7, 1)]
