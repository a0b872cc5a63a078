"""Owners that a process remembers: asked for no more, and never after one of them has changed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from support.postgres import DatabaseDsns
from support_service.kit.database import Database, Tx
from support_service.sources import Fact, KnownOwners, ShopEvent, known_owners, subjects

NOW = datetime(2026, 6, 1, tzinfo=UTC)
COUNT = "SELECT changes FROM order_owner_changes"


@pytest.fixture
async def owner(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    """The database as its owner, who may do what the service may not."""
    database = Database(database_dsns.owner, name="test-owner", max_size=1)
    yield database
    await database.close()


def told(order_id: str, customer_id: str | None, version: int = 1) -> ShopEvent:
    fact = Fact("order", order_id, customer_id, order_id, version, "order.created", NOW, {"status": "created"})
    return ShopEvent.telling(f"{order_id}-{version}", fact)


async def take(database: Database, known: KnownOwners, *events: ShopEvent) -> dict[str, str]:
    """Learn from events as a batch does; returns the owners."""
    async with database.transaction() as tx:
        learnt = await known.learn_from(tx, events)
    known.remember(learnt)
    return dict(learnt.owners)


async def changes(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(COUNT))


async def owner_of(database: Database, order_id: str) -> str | None:
    async with database.connection() as connection:
        return await subjects.owner_of(connection, order_id)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The orders of which the database was told or asked."""
    orders: list[str] = []
    learn, owners_of = subjects.learn, subjects.owners_of

    async def learning(tx: Tx, owners: dict[str, str]) -> None:
        orders.extend(owners)
        await learn(tx, owners)

    async def asking(tx: Tx, order_ids: set[str]) -> dict[str, str]:
        orders.extend(order_ids)
        return await owners_of(tx, order_ids)

    monkeypatch.setattr(subjects, "learn", learning)
    monkeypatch.setattr(subjects, "owners_of", asking)
    return orders


async def test_what_was_learnt_is_written_once_and_answers_for_the_events_that_follow(
    database: Database, asked: list[str]
) -> None:
    known = KnownOwners()
    assert await take(database, known, told("o1", "c1"), told("o2", None)) == {"o1": "c1"}
    assert await take(database, known, told("o1", "c1", 2), told("o1", None, 3)) == {"o1": "c1"}
    assert sorted(asked) == ["o1", "o2"]
    assert await owner_of(database, "o1") == "c1"


async def test_another_owner_is_taken_at_its_word_and_the_orders_own_service_goes_before_the_others(
    database: Database,
) -> None:
    known = KnownOwners()
    await take(database, known, told("o1", "c1"))
    payment = told("o1", "c3")._replace(source="payment", entity_id="p1", version=9)
    assert await take(database, known, told("o1", "c1", 2), payment) == {"o1": "c1"}
    assert await take(database, known, told("o1", "c2", 3)) == {"o1": "c2"}
    assert await owner_of(database, "o1") == "c2"


async def test_an_owner_that_others_changed_back_is_learnt_again(database: Database) -> None:
    known, others = KnownOwners(), KnownOwners()
    await take(database, known, told("o1", "c1"))
    await take(database, others, told("o1", "c2", 2))
    assert await take(database, known, told("o1", "c1", 3)) == {"o1": "c1"}
    assert await owner_of(database, "o1") == "c1"
    assert await changes(database) == 2


async def test_what_was_rolled_back_is_not_known(database: Database) -> None:
    known = KnownOwners()
    async with database.transaction() as tx:
        await known.learn_from(tx, [told("o1", "c1")])
        await tx.execute("ROLLBACK")
        await tx.execute("BEGIN")
    await take(database, known, told("o1", "c1"))
    assert await owner_of(database, "o1") == "c1"


async def test_what_was_learnt_before_a_change_that_another_batch_saw_is_not_remembered(database: Database) -> None:
    known = KnownOwners()
    await take(database, known, told("o1", "c1"))
    async with database.transaction() as tx:
        late = await known.learn_from(tx, [told("o2", "c1")])
    await take(database, KnownOwners(), told("o1", "c2", 2), told("o2", "c2", 2))
    await take(database, known, told("o3", "c3"))
    known.remember(late)
    await take(database, known, told("o2", "c1", 3))
    assert await owner_of(database, "o2") == "c1"


@pytest.mark.parametrize("gone", ["DELETE FROM order_subjects", "TRUNCATE order_subjects"])
async def test_what_somebody_took_away_is_learnt_again(database: Database, owner: Database, gone: str) -> None:
    known = KnownOwners()
    await take(database, known, told("o1", "c1"))
    async with owner.connection() as connection:
        await connection.execute(gone)
    await take(database, known, told("o1", "c1", 2))
    assert await owner_of(database, "o1") == "c1"


async def test_where_changes_are_not_counted_nothing_is_remembered(database: Database, owner: Database) -> None:
    async with owner.connection() as connection:
        await connection.execute("DELETE FROM order_owner_changes")
    known = KnownOwners()
    await take(database, known, told("o1", "c1"))
    await take(database, KnownOwners(), told("o1", "c2", 2))
    await take(database, known, told("o1", "c1", 3))
    assert await owner_of(database, "o1") == "c1"


async def test_a_claim_is_not_taken_for_the_shops_word_and_that_it_is_borne_out_or_not_is_no_change(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        await subjects.claim(tx, "o1", "c1")
        await subjects.claim(tx, "o2", "c1")
    known = KnownOwners()
    assert await take(database, known, told("o1", None), told("o3", "c3")) == {"o1": "c1", "o3": "c3"}
    await take(database, known, told("o1", "c1", 2), told("o2", "c2"))
    assert await changes(database) == 0
    assert [await owner_of(database, order_id) for order_id in ("o1", "o2")] == ["c1", "c2"]


async def test_another_server_may_lack_what_was_learnt(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownOwners()
    await take(database, known, told("o1", "c1"))
    query = subjects._SQL["changes"].replace("pg_postmaster_start_time()", "pg_postmaster_start_time() + '1s'")
    async with database.connection() as connection:
        assert await connection.fetchrow(query) != await connection.fetchrow(subjects._SQL["changes"])
        await connection.execute("UPDATE order_subjects SET origin = 'claimed'")
        await connection.execute("UPDATE order_owner_changes SET changes = 0")
    monkeypatch.setattr(subjects, "_SQL", {**subjects._SQL, "changes": query})
    await take(database, known, told("o1", "c1", 2))
    assert await owner_of(database, "o1") == "c1"


async def test_no_more_than_so_many_are_remembered(
    database: Database, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_owners, "MOST_ORDERS", 2)
    known = KnownOwners()
    await take(database, known, told("o1", "c1"), told("o2", "c1"))
    await take(database, known, told("o1", "c1", 2), told("o2", "c1", 2))
    assert sorted(asked) == ["o1", "o2"]
    await take(database, known, told("o3", "c1"))
    await take(database, known, told("o3", "c1", 2), told("o1", "c1", 3))
    assert sorted(asked) == ["o1", "o1", "o2", "o3"]
