"""The feed: each step is told in the tables and in the events alike, reproducibly, without an end and without growth."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from support.clocks import HandClock
from support.postgres import Server
from support_service.demo import feed as feeding
from support_service.demo import tables
from support_service.demo.events import event_of
from support_service.demo.facts import ShopFact
from support_service.demo.feed import Feed, run_feed
from support_service.demo.generate import generate
from support_service.demo.lifecycle import AT_REST
from support_service.demo.tables import TABLES, add_facts, create_shop, facts_of_orders, lock_feed, stock_shop
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database, UniqueViolation

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)


async def _shop(dsn: str) -> Database:
    database = Database(dsn, name="test-feed", max_size=4)
    await create_shop(database)
    customers, facts = generate(7, NOW)
    await stock_shop(database, customers, facts, choice="simulated", now=NOW)
    return database


@pytest.fixture
async def shop(empty_database_url: str) -> AsyncIterator[Database]:
    """The simulated shop."""
    database = await _shop(empty_database_url)
    yield database
    await database.close()


async def _run(database: Database, steps: int, *, seed: int = 7, looked_at: Sequence[str] = ()) -> list[ShopFact]:
    clock = HandClock()
    feed = Feed(database, clock, seed=seed)
    told: list[ShopFact] = []
    for _ in range(steps):
        clock.go_on(2)
        told += await feed.step(looked_at)
    return told


async def _rows(database: Database, query: str) -> list[Any]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def test_versions_of_every_entity_keep_growing_by_one(shop: Database) -> None:
    before = sum([(await _rows(shop, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES.values()])
    told = await _run(shop, 150)

    entity = {"payment": "payment_id", "shipment": "shipment_id", "fraud": "alert_id", "feedback": "feedback_id"}
    for source, table in TABLES.items():
        column = entity.get(source, "order_id")
        gaps = f"SELECT 1 FROM {table} GROUP BY {column} HAVING max(version) <> count(*) OR min(version) <> 1"
        assert await _rows(shop, gaps) == []
    after = sum([(await _rows(shop, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES.values()])
    assert after == before + len(told)
    assert {fact.source for fact in told} == set(TABLES)


async def test_every_fact_with_an_event_type_is_told_once_in_positions_without_a_gap(shop: Database) -> None:
    told = await _run(shop, 60)

    events = await _rows(shop, "SELECT position, event_id, topic, key, value, occurred_at FROM shop.events ORDER BY 1")
    expected = [event for event in map(event_of, told) if event is not None]
    assert [row[0] for row in events] == list(range(1, len(events) + 1))
    assert [row[1:] for row in events] == [
        (event.event_id, event.topic, event.key, event.value, event.occurred_at) for event in expected
    ]


async def test_an_event_says_what_the_table_says(shop: Database) -> None:
    await _run(shop, 40)

    async with shop.connection() as connection:
        for row in await connection.fetch("SELECT key, value FROM shop.events"):
            envelope = json.loads(row["value"])
            facts = await facts_of_orders(connection, [row["key"]])
            assert envelope in [json.loads(event.value) for event in map(event_of, facts) if event is not None]


async def test_the_same_seed_on_the_same_shop_tells_the_same_story(postgres: Server) -> None:
    stories = []
    for seed in (7, 7, 8):
        async with postgres.database() as dsns:
            database = await _shop(dsns.owner)
            stories.append(await _run(database, 40, seed=seed))
            await database.close()

    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


async def test_orders_that_support_looks_at_move_first(shop: Database) -> None:
    under_way = await _rows(
        shop, "SELECT order_id FROM shop.order_history GROUP BY 1 HAVING max(version) = 3 ORDER BY 1 LIMIT 3"
    )
    looked_at = [row[0] for row in under_way]
    told = await _run(shop, 30, looked_at=looked_at)

    moves = Counter(fact.order_id in looked_at for fact in told)
    assert moves[True] > moves[False]


async def test_ids_that_the_shop_does_not_know_are_passed_over(shop: Database) -> None:
    assert await _run(shop, 10, looked_at=["none", "such"])


async def test_of_the_orders_that_the_feed_placed_the_oldest_finished_ones_leave(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for five orders and for twenty events neither table outgrows it, and the feed goes on."""
    monkeypatch.setattr(feeding, "MOST_PLACED", 5)
    monkeypatch.setattr(tables, "EVENTS_KEPT", 20)
    shop = Database(empty_database_url, name="test-feed", max_size=2)
    await create_shop(shop)
    await stock_shop(shop, generate(7, NOW)[0], [], choice="customers only", now=NOW)
    told = await _run(shop, 400)

    placed = {fact.order_id for fact in told if fact.source == "order" and fact.version == 1}
    kept = {row[0] for row in await _rows(shop, "SELECT order_id FROM shop.placed_by_feed")}
    gone = placed - kept
    assert len(placed) > 5 >= len(kept)
    assert {row[0] for row in await _rows(shop, "SELECT order_id FROM shop.order_history")} & gone == set()
    last = {fact.order_id: fact.status for fact in told if fact.source == "order" and fact.order_id in gone}
    assert set(last.values()) <= AT_REST
    events = await _rows(shop, "SELECT count(*), max(position) - min(position) FROM shop.events")
    assert events == [(20, 19)]
    await shop.close()


async def test_writers_at_the_same_time_commit_positions_in_their_order(shop: Database) -> None:
    """A reader that goes by position, polling while four writers append and one in three rolls back, misses nothing."""
    _, facts = generate(9, NOW)
    facts = [replace(fact, entity_id=f"{fact.entity_id}-9") for fact in facts if event_of(fact) is not None][:240]
    seen: list[int] = []

    async def write(mine: list[ShopFact]) -> None:
        for number, fact in enumerate(mine):
            with contextlib.suppress(_RolledBack):
                async with shop.transaction() as tx:
                    await lock_feed(tx)
                    await add_facts(tx, [fact])
                    _roll_back_if(number % 3 == 0)

    async def read(done: asyncio.Event) -> None:
        last = False
        while not last:
            last = done.is_set()
            newest = seen[-1] if seen else 0
            async with shop.connection() as connection:
                rows = await connection.fetch(
                    "SELECT position FROM shop.events WHERE position > $1 ORDER BY position", newest
                )
            seen.extend(row["position"] for row in rows)

    done = asyncio.Event()
    reading = asyncio.create_task(read(done))
    await asyncio.gather(*(write(facts[start::4]) for start in range(4)))
    done.set()
    await reading

    written = [row[0] for row in await _rows(shop, "SELECT position FROM shop.events ORDER BY 1")]
    assert seen == written == list(range(1, len(written) + 1))


async def test_a_step_that_fails_leaves_nothing_behind(shop: Database) -> None:
    """The last fact of a step exists already: what was written before it is rolled back with its events."""
    _, facts = generate(7, NOW)
    new = ShopFact("order", "SO-new", "SO-new", facts[0].customer_id, 1, "created", NOW, True, facts[0].details)

    async def step() -> None:
        async with shop.transaction() as tx:
            await lock_feed(tx)
            await add_facts(tx, [new, facts[0]])

    with pytest.raises(UniqueViolation):
        await step()

    assert await _rows(shop, "SELECT 1 FROM shop.order_history WHERE order_id = 'SO-new'") == []
    assert await _rows(shop, "SELECT 1 FROM shop.events") == []


async def test_it_runs_until_it_is_told_to_stop_whatever_support_answers(
    shop: Database, empty_database_url: str
) -> None:
    stop = asyncio.Event()

    async def attention() -> Sequence[str]:
        raise OSError

    running = asyncio.create_task(
        run_feed(empty_database_url, seed=7, clock=SystemClock(), attention=attention, stop=stop, pace_s=(0.001, 0.002))
    )
    async with asyncio.timeout(20):
        while not await _rows(shop, "SELECT 1 FROM shop.events WHERE position > 5"):
            await asyncio.sleep(0.05)
        stop.set()
        await running


class _RolledBack(Exception):  # noqa: N818 - thrown on purpose
    pass


def _roll_back_if(wanted: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if wanted:
        raise _RolledBack
