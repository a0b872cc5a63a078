"""Whose an order is: learnt from the shop, claimed by cases; and another customer's truth is never shown."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from support.clocks import HandClock
from support.postgres import DatabaseDsns
from support.shop import DAY, Rest, Shop, every_fact, placed
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.rest import RestCommerce
from support_service.kit.database import Database
from support_service.kit.problems import Conflict
from support_service.kit.sql import load_queries
from support_service.sources import FetchKey, Sources, subjects

pytestmark = pytest.mark.usefixtures("patient")


async def owner_of(database: Database, order_id: str) -> str | None:
    async with database.connection() as connection:
        return await subjects.owner_of(connection, order_id)


async def test_another_customers_facts_are_not_shown_and_counted(
    shop: Shop, database: Database, sources: Sources
) -> None:
    await shop.add(every_fact("o1", "c2"))
    labels = {"source": "feedback", "reason": "another_customer"}
    before = REGISTRY.get_sample_value("support_source_facts_dropped_total", labels) or 0
    fetched = await sources.fetch(FetchKey("c1", ("o1",)))
    assert fetched.facts == ()
    assert {state.status for state in fetched.states.values()} == {"ok"}
    assert REGISTRY.get_sample_value("support_source_facts_dropped_total", labels) == before + 3
    await sources.close()
    assert await owner_of(database, "o1") == "c2"


async def test_facts_that_name_nobody_are_withheld_when_their_order_is_known_to_be_anothers(
    shop: Shop, database: Database, sources: Sources
) -> None:
    await shop.add(every_fact("o1", None))
    key = FetchKey("c1", ("o1",))
    assert len((await sources.fetch(key)).facts) == len(every_fact("o1", None))
    async with database.transaction() as tx:
        await subjects.learn(tx, {"o1": "c2"})
    assert (await sources.fetch(key)).facts == ()
    assert (await sources.fetch(FetchKey("c2", ("o1",)))).facts != ()


async def test_the_rest_of_an_order_follows_what_its_order_service_says(shop: Shop, sources: Sources) -> None:
    facts = every_fact("o1", None)
    await shop.add([*facts[1:], placed("o1", "c2", DAY)])
    assert (await sources.fetch(FetchKey("c1", ("o1",)))).facts == ()


async def test_without_an_order_the_newest_twenty_are_asked_for_and_more_are_admitted(
    shop: Shop, rest: Rest, sources: Sources
) -> None:
    await shop.add(placed(f"o{number:02}", "c1", DAY + timedelta(hours=number)) for number in range(21))
    await shop.add(placed(f"p{number:02}", "c2", DAY + timedelta(hours=number)) for number in range(20))
    newest = tuple(f"o{number:02}" for number in range(20, 0, -1))
    by_lake = await sources.fetch(FetchKey("c1"))
    await shop.stop_lake()
    by_rest = await sources.fetch(FetchKey("c1"))
    for fetched in (by_lake, by_rest):
        assert fetched.order_ids == newest
        assert [fact.order_id for fact in fetched.facts] == list(newest)
        assert all(state.truncated for state in fetched.states.values())
    assert {state.served_from for state in by_rest.states.values()} == {"rest"}
    all_of_them = await sources.fetch(FetchKey("c2"))
    assert len(all_of_them.order_ids) == 20
    assert not any(state.truncated for state in all_of_them.states.values())


async def test_with_nobody_to_ask_the_orders_known_here_are_taken_and_nothing_looks_like_no_orders(
    shop: Shop, rest: Rest, database: Database, sources: Sources
) -> None:
    async with database.transaction() as tx:
        await subjects.claim(tx, "o1", "c1")
    await shop.stop_lake()
    await rest.stop()
    fetched = await sources.fetch(FetchKey("c1"))
    assert fetched.order_ids == ("o1",)
    assert {state.status for state in fetched.states.values()} == {"unavailable"}
    unknown = await sources.fetch(FetchKey("nobody"))
    assert unknown.order_ids == ()
    assert {state.status for state in unknown.states.values()} == {"unavailable"}


async def test_no_orders_according_to_the_shop_is_an_answer(shop: Shop, sources: Sources) -> None:
    fetched = await sources.fetch(FetchKey("nobody"))
    assert {(state.status, state.served_from) for state in fetched.states.values()} == {("ok", "lake")}
    await shop.stop_lake()
    fetched = await sources.fetch(FetchKey("nobody"))
    assert {(state.status, state.served_from) for state in fetched.states.values()} == {("ok", "rest")}


async def test_a_read_writes_down_whose_its_orders_are_once(shop: Shop, database: Database, sources: Sources) -> None:
    await shop.add(every_fact("o1", "c1"))
    for _ in range(3):
        await sources.fetch(FetchKey("c1", ("o1",)))
        await sources.close()
    assert await owner_of(database, "o1") == "c1"
    async with database.connection() as connection:
        version = "SELECT xmin::text::bigint FROM order_subjects WHERE order_id = 'o1'"
        first = await connection.fetchval(version)
        await subjects.learn(connection, {"o1": "c1"})
        assert await connection.fetchval(version) == first
        assert await connection.fetchval("SELECT xmax::text FROM order_subjects WHERE order_id = 'o1'") == "0"


async def test_what_others_learnt_and_the_shop_no_longer_says_is_put_right_by_a_read_within_minutes(
    shop: Shop, database: Database, lake: EmbeddedLake, commerce: RestCommerce
) -> None:
    await shop.add(every_fact("o1", "c1"))
    clock = HandClock()
    sources = Sources(database, lake, commerce, clock, window_days=36_500)
    for seconds, owner in ((0.0, "c1"), (299.0, "c2"), (2.0, "c1")):
        clock.go_on(seconds)
        await sources.fetch(FetchKey("c1", ("o1",)))
        await sources.close()
        assert await owner_of(database, "o1") == owner
        async with database.transaction() as tx:
            await subjects.learn(tx, {"o1": "c2"})


async def test_a_read_does_not_fail_when_it_cannot_write_down_what_it_learnt(
    shop: Shop, database: Database, sources: Sources
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await shop.execute("ALTER TABLE order_subjects RENAME TO away")
    assert (await sources.fetch(FetchKey("c1", ("o1",)))).facts
    await sources.close()
    await shop.execute("ALTER TABLE away RENAME TO order_subjects")
    await sources.fetch(FetchKey("c1", ("o1",)))
    await sources.close()
    assert await owner_of(database, "o1") == "c1"


async def test_learnt_beats_claimed_and_a_claim_bars_nobody(database: Database) -> None:
    async with database.transaction() as tx:
        await subjects.claim(tx, "o1", "c1")
        await subjects.claim(tx, "o1", "c2")
        assert await subjects.owner_of(tx, "o1") is None
        assert await subjects.orders_of(tx, "c1") == ["o1"]
        assert await subjects.orders_of(tx, "c2") == []
    async with database.transaction() as tx:
        await subjects.learn(tx, {"o1": "c2"})
        await subjects.claim(tx, "o1", "c2")
        assert await subjects.owner_of(tx, "o1") == "c2"
        assert await subjects.orders_of(tx, "c1") == []
        await subjects.learn(tx, {"o1": "c3"})
        assert await subjects.owner_of(tx, "o1") == "c3"


async def test_a_claim_on_anothers_order_is_refused_also_when_that_is_being_learnt(database: Database) -> None:
    async with database.transaction() as tx:
        await subjects.claim(tx, "o1", "c1")
    async with database.transaction() as learning, database.connection() as claiming:
        await subjects.learn(learning, {"o1": "c2"})
        late = asyncio.create_task(subjects.claim(claiming, "o1", "c1"))
        await asyncio.sleep(0.2)
        assert not late.done()
        await learning.execute("COMMIT")
        with pytest.raises(Conflict), subjects.refusing_claims(Conflict):
            await late
        await learning.execute("BEGIN")
    assert await owner_of(database, "o1") == "c2"


@pytest.mark.parametrize("round_", range(3))
async def test_many_who_learn_the_same_orders_at_once_do_not_block_each_other_for_good(
    database: Database, round_: int
) -> None:
    async def learn(number: int) -> None:
        orders = [f"o{order}" for order in range(2_000)]
        async with database.transaction() as tx:
            await subjects.learn(tx, dict.fromkeys(orders if number % 2 else reversed(orders), f"c{number}"))

    await asyncio.gather(*(learn(number) for number in range(8)))
    assert await owner_of(database, "o7") is not None


@pytest.mark.parametrize("planned", ["force_custom_plan", "force_generic_plan"])
async def test_learning_whose_orders_are_reads_no_others(database_dsns: DatabaseDsns, planned: str) -> None:
    query = load_queries("support_service.sources")["learn"]
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.transaction() as tx:
        await tx.execute(
            "INSERT INTO order_subjects SELECT 'o-' || n, 'c', 'learnt', now() FROM generate_series(1, 20000) AS n"
        )
        await tx.execute("ANALYZE order_subjects")
        await tx.execute(f"SET LOCAL plan_cache_mode = {planned}")
        orders = [f"o-{number}" for number in range(19_001, 20_501)]
        explained = await tx.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {query}", orders, ["c"] * len(orders))
        plan = "\n".join(row[0] for row in explained)
        assert await tx.fetchval("SELECT count(*) FROM order_subjects") == 20_500
    await owner.close()
    assert "Seq Scan" not in plan
