"""Idempotency keys: one effect, one answer, and a clear word for every misuse."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.postgres import DatabaseDsns
from support_service.kit import idempotency
from support_service.kit.database import Database
from support_service.kit.idempotency import Answer, IdempotencyKeyReused, RequestInProgress, Scope, fingerprint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANSWER = Answer(201, {"location": "/x"}, b'{"a":1}')


@pytest.fixture
async def database(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    opened = Database(database_dsns.app, name="test", max_size=20)
    yield opened
    await opened.close()


async def use(database: Database, scope: Scope, print_: bytes, now: datetime = NOW) -> Answer | None:
    async with database.transaction() as tx:
        earlier = await idempotency.begin(tx, scope, print_, now)
        if earlier is None:
            await asyncio.sleep(0.05)
            await idempotency.record(tx, scope, print_, ANSWER, now)
        return earlier


async def test_the_second_use_gets_the_first_answer(database: Database) -> None:
    scope = Scope(uuid4(), "POST /x", "k")
    assert await use(database, scope, b"same") is None
    assert await use(database, scope, b"same") == ANSWER


async def test_another_request_under_the_same_key_is_refused(database: Database) -> None:
    scope = Scope(uuid4(), "POST /x", "k")
    await use(database, scope, b"one")
    with pytest.raises(IdempotencyKeyReused):
        await use(database, scope, b"another")


async def test_keys_of_other_principals_and_routes_are_other_keys(database: Database) -> None:
    principal = uuid4()
    assert await use(database, Scope(principal, "POST /x", "k"), b"1") is None
    assert await use(database, Scope(principal, "POST /y", "k"), b"2") is None
    assert await use(database, Scope(uuid4(), "POST /x", "k"), b"3") is None


async def test_of_many_at_once_one_has_the_effect_and_the_others_are_told_that_it_is_under_way(
    database: Database,
) -> None:
    scope = Scope(uuid4(), "POST /x", "k")
    outcomes = await asyncio.gather(*(use(database, scope, b"same") for _ in range(10)), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, RequestInProgress) for outcome in outcomes) + outcomes.count(ANSWER) == 9


async def test_a_key_is_free_again_after_a_day_and_old_ones_are_purged(database: Database) -> None:
    scope = Scope(uuid4(), "POST /x", "k")
    await use(database, scope, b"one")
    later = NOW + timedelta(hours=24, seconds=1)
    assert await use(database, scope, b"another", later) is None
    await idempotency.purge(database, later + timedelta(hours=24, seconds=1))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 0


def test_a_fingerprint_tells_apart_parts_that_run_together() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")
