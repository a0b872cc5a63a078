"""Customers and their generations: numbers that only grow, whoever raises them at the same time."""

import asyncio
import random
from uuid import uuid4

import asyncpg
import pytest

from support.clocks import HandClock
from support_service.directory import ClaimPaths, Directory
from support_service.kit.database import Database


@pytest.fixture
def directory() -> Directory:
    return Directory(HandClock(), claims=ClaimPaths())


async def test_a_customer_is_recorded_once_at_generation_nought(directory: Directory, database: Database) -> None:
    async with database.transaction() as tx:
        await directory.ensure_customer(tx, "c-1")
        assert await directory.lock_customers(tx, ["c-1"]) == {"c-1": 0}
        await directory.raise_generations(tx, {"c-1": 2})
        await directory.ensure_customer(tx, "c-1")
        assert await directory.generations(tx, ["c-1"]) == {"c-1": 2}


async def test_customers_who_are_not_recorded_are_passed_over(directory: Directory, database: Database) -> None:
    async with database.transaction() as tx:
        await directory.ensure_customer(tx, "c-1")
        await directory.ensure_customer(tx, "c-3")
        assert await directory.lock_customers(tx, ["c-3", "c-2", "c-1"]) == {"c-1": 0, "c-3": 0}
        assert await directory.lock_customers(tx, []) == {}
        await directory.raise_generations(tx, {"c-2": 1, "c-1": 3})
        assert await directory.generations(tx, ["c-1", "c-2", "c-3"]) == {"c-1": 3, "c-2": 0, "c-3": 0}


async def test_a_generation_never_sinks(directory: Directory, database: Database) -> None:
    async with database.transaction() as tx:
        await directory.ensure_customer(tx, "c-1")
        await directory.raise_generations(tx, {"c-1": 3})
        await directory.raise_generations(tx, {"c-1": 2})
        assert await directory.generations(tx, ["c-1"]) == {"c-1": 3}


async def test_who_is_locked_waits(directory: Directory, database: Database) -> None:
    async with database.transaction() as tx:
        await directory.ensure_customer(tx, "c-1")
    async with database.transaction() as holder:
        await directory.lock_customers(holder, ["c-1"])
        async with database.transaction() as other:
            await other.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await directory.lock_customers(other, ["c-1"])


async def test_batches_over_the_same_customers_lose_nothing_and_never_lock_each_other_out(
    directory: Directory, database: Database
) -> None:
    customers = [f"c-{n}" for n in range(12)]
    async with database.transaction() as tx:
        for customer in customers:
            await directory.ensure_customer(tx, customer)

    async def batch(seed: int) -> None:
        mine = random.Random(seed).sample(customers, 9)
        async with database.transaction() as tx:
            before = await directory.lock_customers(tx, mine)
            await directory.raise_generations(tx, {customer: reached + 1 for customer, reached in before.items()})
            await asyncio.sleep(0)

    await asyncio.gather(*(batch(seed) for seed in range(60)))
    async with database.connection() as connection:
        generations = await directory.generations(connection, customers)
    assert sum(generations.values()) == 60 * 9


async def test_agents_and_teams_that_never_signed_in_are_unknown(directory: Directory, database: Database) -> None:

    async with database.connection() as connection:
        assert await directory.agent(connection, uuid4()) is None
        assert not await directory.team_exists(connection, "orders")
