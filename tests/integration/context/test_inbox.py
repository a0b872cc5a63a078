"""The inbox: what is told once is kept once, whether it is looked at before it is written to or not."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import pytest

from support.postgres import DatabaseDsns
from support_service.context import store
from support_service.kit.database import Database, Tx, UniqueViolation
from support_service.sources import Fact, ShopEvent

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
async def database(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    opened = Database(database_dsns.app, name="test", max_size=2)
    yield opened
    await opened.close()


def told(event_id: str, version: int) -> ShopEvent:
    fact = Fact("order", "o1", "c1", "o1", version, "order.created", NOW, {"status": "created"})
    return ShopEvent.telling(event_id, fact)


Put = Callable[[Tx, Sequence[ShopEvent]], Awaitable[list[ShopEvent]]]
LOOKING: Put = partial(store.copy_events, look_first=True)
UNSEEING: Put = partial(store.copy_events, look_first=False)


async def stored(database: Database, put: Put, events: Sequence[ShopEvent]) -> list[ShopEvent]:
    async with database.transaction() as tx:
        return await put(tx, events)


@pytest.mark.parametrize("put", [LOOKING, store.insert_events])
async def test_of_a_batch_only_what_was_not_told_before_is_new(database: Database, put: Put) -> None:
    assert await stored(database, UNSEEING, [told("e1", 1), told("e2", 2)]) == [told("e1", 1), told("e2", 2)]
    again = [told("e4", 4), told("e1", 1), told("e9", 2), told("e3", 3), told("e3", 3), told("e8", 4)]
    for twice in ([told("e1", 1)], [told("e3", 3), told("e3", 3)]):
        with pytest.raises(UniqueViolation):
            await stored(database, UNSEEING, twice)
    assert await stored(database, put, again) == [told("e3", 3), told("e4", 4)]
    assert await stored(database, put, again) == []
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT event_id, version FROM support_timeline_events ORDER BY version")
        kept = await store.events_of_orders(connection, ["o1"])
    assert [tuple(row) for row in rows] == [("e1", 1), ("e2", 2), ("e3", 3), ("e4", 4)]
    assert [fact for fact, _ in kept] == [event.fact for event in map(told, "1234", range(1, 5))]


@pytest.mark.parametrize("put", [LOOKING, UNSEEING, store.insert_events])
async def test_what_is_told_under_an_id_that_was_there_already_is_not_lost(database: Database, put: Put) -> None:
    assert await stored(database, put, [told("e1", 1), told("e1", 2)]) == [told("e1", 1), told("e1", 2)]
    assert await stored(database, put, [told("e1", 3)]) == [told("e1", 3)]
