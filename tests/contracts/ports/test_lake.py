"""What every lake does, whatever engine answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from support.shop import DAY, VIEW, Shop, every_fact, open_shop, placed
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.ports.lake import Lake, LakeError, LakeRow

ALL = ("order", "payment", "shipment", "fraud", "feedback")


async def facts(lake: Lake, *order_ids: str, limit: int = 100, deadline_s: float = 5.0) -> list[LakeRow]:
    return await lake.facts(order_ids, sources=ALL, since=DAY, limit=limit, deadline_s=deadline_s)


class LakeBehaviour:
    """A subclass provides `lake`, which reads the view of `shop`."""

    @pytest.fixture
    async def shop(self, empty_database_url: str) -> AsyncIterator[Shop]:
        async with open_shop(empty_database_url) as shop:
            yield shop

    async def test_one_query_gives_the_facts_of_all_orders_asked_for_and_of_no_other(
        self, lake: Lake, shop: Shop
    ) -> None:
        for order_id in ("o1", "o2", "o3"):
            await shop.add(every_fact(order_id, "c1"))
        rows = await facts(lake, "o1", "o3", "unknown")
        assert {row.order_id for row in rows} == {"o1", "o3"}
        assert len(rows) == 2 * len(every_fact("o1", "c1"))
        assert {row.source for row in rows} == set(ALL)

    async def test_only_the_sources_asked_for_are_read(self, lake: Lake, shop: Shop) -> None:
        await shop.add(every_fact("o1", "c1"))
        rows = await lake.facts(["o1"], sources=["fraud", "order"], since=DAY, limit=100, deadline_s=5)
        assert {row.source for row in rows} == {"fraud", "order"}

    async def test_the_newest_facts_come_first_and_the_limit_cuts_the_oldest(self, lake: Lake, shop: Shop) -> None:
        await shop.add(every_fact("o1", "c1"))
        everything = await facts(lake, "o1")
        times = [row.occurred_at for row in everything]
        assert times == sorted(times, reverse=True)
        assert await facts(lake, "o1", limit=3) == everything[:3]

    async def test_what_happened_before_the_window_is_not_read(self, lake: Lake, shop: Shop) -> None:
        await shop.add(every_fact("o1", "c1"))
        since = DAY + timedelta(hours=3)
        rows = await lake.facts(["o1"], sources=ALL, since=since, limit=100, deadline_s=5)
        assert rows
        assert min(row.occurred_at for row in rows) == since

    async def test_an_order_without_a_customer_has_none_in_its_rows(self, lake: Lake, shop: Shop) -> None:
        await shop.add(every_fact("o1", None))
        assert {row.customer_id for row in await facts(lake, "o1")} == {None}

    async def test_the_newest_orders_of_each_customer_are_those_placed_last(self, lake: Lake, shop: Shop) -> None:
        for hours, order_id in enumerate(("o1", "o2", "o3")):
            await shop.add([placed(order_id, "c1", DAY + timedelta(hours=hours))])
        await shop.add([placed("other", "c2", DAY + timedelta(days=9)), placed("stranger's", "c3", DAY)])
        found = await lake.newest_orders(["c1", "nobody", "c2"], limit=2, deadline_s=5)
        assert found == {"c1": ["o3", "o2"], "c2": ["other"]}
        assert await lake.newest_orders(["nobody"], limit=2, deadline_s=5) == {}
        assert await lake.newest_orders([], limit=2, deadline_s=5) == {}

    async def test_ids_are_values_and_never_part_of_the_query(self, lake: Lake, shop: Shop) -> None:
        await shop.add(every_fact("o1", "c1"))
        nasty = "o1' OR '1'='1"
        assert await facts(lake, nasty) == []
        assert await lake.newest_orders(["c1' OR 'a'='a"], limit=9, deadline_s=5) == {}
        await shop.add([placed(nasty, "c'1", DAY + timedelta(hours=1))])
        assert [row.order_id for row in await facts(lake, nasty)] == [nasty]

    async def test_a_lake_that_is_up_answers_a_ping(self, lake: Lake, shop: Shop) -> None:
        await lake.ping(deadline_s=5)

    async def test_a_view_that_is_not_there_is_a_rejected_query(self, lake: Lake, shop: Shop) -> None:
        await shop.execute(f"DROP VIEW {VIEW}")
        for asking in (facts(lake, "o1"), lake.newest_orders(["c1"], limit=1, deadline_s=5), lake.ping(deadline_s=5)):
            with pytest.raises(LakeError) as raised:
                await asking
            assert raised.value.reason == "rejected"

    async def test_a_hundred_questions_at_once_are_all_answered(self, lake: Lake, shop: Shop) -> None:
        await shop.add(every_fact("o1", "c1"))
        answers = await asyncio.gather(*(facts(lake, "o1", deadline_s=20) for _ in range(100)))
        assert all(answer == answers[0] for answer in answers)


class TestEmbeddedLake(LakeBehaviour):
    @pytest.fixture
    async def lake(self, shop: Shop) -> AsyncIterator[EmbeddedLake]:
        lake = EmbeddedLake(shop.lake_dsn, view=VIEW)
        yield lake
        await lake.close()

    async def test_without_its_login_it_says_at_once_that_it_is_away_and_comes_back_by_itself(
        self, lake: EmbeddedLake, shop: Shop
    ) -> None:
        await shop.add(every_fact("o1", "c1"))
        before = await facts(lake, "o1")
        for _ in range(20):  # for all the moments at which a session may be found ended
            await shop.stop_lake()
            for _ in range(2):
                started = time.perf_counter()
                with pytest.raises(LakeError) as raised:
                    await facts(lake, "o1")
                assert raised.value.reason == "unavailable"
                assert time.perf_counter() - started < 0.5
            await shop.start_lake()
            assert await facts(lake, "o1") == before

    async def test_it_may_be_away_when_the_service_starts(self, lake: EmbeddedLake, shop: Shop) -> None:
        await shop.stop_lake()
        with pytest.raises(LakeError, match="unavailable"):
            await lake.ping(deadline_s=5)
        await shop.start_lake()
        await lake.ping(deadline_s=5)

    async def test_a_session_ended_in_the_middle_of_a_query_is_an_answer_too(
        self, lake: EmbeddedLake, shop: Shop
    ) -> None:
        async with shop.database.transaction() as tx:
            await tx.execute("LOCK TABLE shop.fraud_history IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(facts(lake, "o1"))
            await asyncio.sleep(0.2)
            await shop.stop_lake()
            with pytest.raises(LakeError, match="unavailable"):
                await asking

    async def test_past_the_deadline_the_caller_is_let_go_and_the_statement_is_cancelled(
        self, lake: EmbeddedLake, shop: Shop
    ) -> None:
        await lake.ping(deadline_s=5)
        async with shop.database.transaction() as tx:
            await tx.execute("LOCK TABLE shop.fraud_history IN ACCESS EXCLUSIVE MODE")
            started = time.perf_counter()
            with pytest.raises(LakeError, match="timeout"):
                await facts(lake, "o1", deadline_s=0.3)
            assert 0.3 <= time.perf_counter() - started < 0.6
            await asyncio.sleep(0.2)
            running = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state = 'active'"
            assert await tx.fetchval(running, shop.lake_role) == 0
        assert await facts(lake, "o1") == []

    async def test_a_caller_that_goes_away_takes_its_statement_with_it(self, lake: EmbeddedLake, shop: Shop) -> None:
        await lake.ping(deadline_s=5)
        async with shop.database.transaction() as tx:
            await tx.execute("LOCK TABLE shop.fraud_history IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(facts(lake, "o1"))
            await asyncio.sleep(0.2)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.sleep(0.2)
            running = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state = 'active'"
            assert await tx.fetchval(running, shop.lake_role) == 0

    async def test_a_server_that_accepts_and_stays_silent_costs_the_deadline_and_no_more(self) -> None:
        let_go = asyncio.Event()

        async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            await writer.wait_closed()
            let_go.set()

        async with await asyncio.start_server(stay_silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            lake = EmbeddedLake(f"postgresql://lake:lake@127.0.0.1:{port}/shop", view=VIEW)
            started = time.perf_counter()
            with pytest.raises(LakeError, match="timeout"):
                await lake.ping(deadline_s=0.3)
            assert time.perf_counter() - started < 0.6
            await lake.close()
            await let_go.wait()

    async def test_a_view_name_that_is_not_plain_is_refused(self) -> None:
        with pytest.raises(ValueError, match="plain view name"):
            EmbeddedLake("postgresql://", view="v; DROP TABLE x")
