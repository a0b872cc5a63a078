"""One catalog that is away takes no other with it, however it is away; and queries nobody waits for end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from support.shop import DAY, every_fact
from support.trino import CATALOG_OF, SOURCE_NAMES, TrinoShop
from support_service.adapters.trino import SignIn, TrinoClient, TrinoError, TrinoLake
from support_service.ports.lake import LakeError, LakeRow

if TYPE_CHECKING:
    from tools.stack import Proxies

OTHERS = tuple(name for name in SOURCE_NAMES if name != "payment")


Made = Callable[[TrinoClient], TrinoClient]


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    """Closes a client when its test is over."""
    async with contextlib.AsyncExitStack() as stack:

        def closed_in_the_end(client: TrinoClient) -> TrinoClient:
            stack.push_async_callback(client.close)
            return client

        yield closed_in_the_end


async def facts(lake: TrinoLake, *sources: str, deadline_s: float = 20) -> list[LakeRow]:
    return await lake.facts(["o1"], sources=sources or SOURCE_NAMES, since=DAY, limit=100, deadline_s=deadline_s)


async def blamed(lake: TrinoLake, *, deadline_s: float = 20) -> str | None:
    with pytest.raises(LakeError) as raised:
        await facts(lake, deadline_s=deadline_s)
    return raised.value.source


async def answers_again(lake: TrinoLake) -> float:
    started = time.monotonic()
    while True:
        try:
            assert {row.source for row in await facts(lake)} == set(SOURCE_NAMES)
        except LakeError:
            assert time.monotonic() - started < 30
            await asyncio.sleep(0.2)
        else:
            return time.monotonic() - started


async def test_a_catalog_that_is_gone_is_named_and_the_others_answer(
    lake: TrinoLake, shop: TrinoShop, proxies: "Proxies"
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await lake.ping(deadline_s=30)
    with proxies[CATALOG_OF["payment"]].cut():
        assert await blamed(lake) == "payment"
        asked = await shop.asked("o1")
        assert asked > 0
        assert await blamed(lake) == "payment"
        assert await shop.asked("o1") == asked  # it is known by now
        assert {row.source for row in await facts(lake, *OTHERS)} == set(OTHERS)
        assert await lake.newest_orders(["c1"], limit=1, deadline_s=20) == {"c1": ["o1"]}
    await answers_again(lake)


async def test_the_others_answer_even_when_trino_has_forgotten_what_the_dead_catalogs_table_looks_like(
    lake: TrinoLake, shop: TrinoShop, proxies: "Proxies"
) -> None:
    """Metadata is kept for ten minutes; without it Trino cannot so much as read a view that names the table."""
    await shop.add(every_fact("o1", "c1"))
    catalog = CATALOG_OF["payment"]
    with proxies[catalog].cut():
        await shop.query(f"CALL {catalog}.system.flush_metadata_cache()")
        assert await blamed(lake) == "payment"
        assert {row.source for row in await facts(lake, *OTHERS)} == set(OTHERS)
    await answers_again(lake)


async def test_two_catalogs_that_are_gone_are_named_one_after_the_other(
    lake: TrinoLake, shop: TrinoShop, proxies: "Proxies"
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await lake.ping(deadline_s=30)
    with proxies[CATALOG_OF["payment"]].cut(), proxies[CATALOG_OF["fraud"]].cut():
        assert await blamed(lake) == "payment"
        with pytest.raises(LakeError) as raised:
            await facts(lake, *OTHERS)
        assert raised.value.source == "fraud"
        rest = [name for name in OTHERS if name != "fraud"]
        assert {row.source for row in await facts(lake, *rest)} == set(rest)
    await answers_again(lake)


async def test_a_silent_catalog_costs_one_deadline_and_is_then_known(
    lake: TrinoLake, shop: TrinoShop, proxies: "Proxies"
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await lake.ping(deadline_s=30)
    with proxies[CATALOG_OF["payment"]].silent():
        started = time.monotonic()
        with pytest.raises(LakeError, match="timeout"):
            await facts(lake, deadline_s=2)
        assert time.monotonic() - started < 2.3
        async with asyncio.timeout(20):
            while await blamed(lake, deadline_s=2) != "payment":
                await asyncio.sleep(0.2)
        assert {row.source for row in await facts(lake, *OTHERS)} == set(OTHERS)
    await answers_again(lake)


async def test_all_catalogs_gone_is_no_catalogs_fault(lake: TrinoLake, shop: TrinoShop, proxies: "Proxies") -> None:
    await lake.ping(deadline_s=30)
    async with asyncio.timeout(40):
        with (
            proxies["orders"].cut(),
            proxies["payments"].cut(),
            proxies["shipments"].cut(),
            proxies["fraud"].cut(),
            proxies["feedback"].cut(),
        ):
            assert await blamed(lake) is None


async def test_after_a_storm_of_cancelled_callers_trino_works_on_nothing(lake: TrinoLake, shop: TrinoShop) -> None:
    await shop.add(every_fact("o1", "c1"))
    await lake.ping(deadline_s=30)
    for pause_s in (0.0, 0.02, 0.1, 0.3, 0.6):
        callers = [asyncio.create_task(facts(lake)) for _ in range(40)]
        await asyncio.sleep(pause_s)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    await asyncio.sleep(2)
    assert await shop.running() == 0
    assert len(await facts(lake)) == len(every_fact("o1", "c1"))


async def test_past_its_deadline_a_query_is_taken_back(lake: TrinoLake, shop: TrinoShop) -> None:
    await lake.ping(deadline_s=30)
    locked = shop.databases["fraud"]
    async with locked.transaction() as tx:
        await tx.execute("LOCK TABLE shop.fraud_history IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(LakeError, match="timeout"):
            await facts(lake, deadline_s=1.5)
        assert time.monotonic() - started < 1.9
        await lake.close()
        await asyncio.sleep(1)
        assert await shop.running() == 0


@pytest.mark.parametrize(
    ("session", "statement", "name", "reason"),
    [
        (
            {"query_max_execution_time": "100ms"},
            "SELECT count(*) FROM fraud.shop.fraud_history",
            "EXCEEDED_TIME_LIMIT",
            "limit",
        ),
        (
            {"query_max_memory_per_node": "1MB"},
            "SELECT cardinality(array_agg(a + b)) FROM UNNEST(sequence(1, 3000)) t (a), UNNEST(sequence(1, 300)) u (b)",
            "EXCEEDED_LOCAL_MEMORY_LIMIT",
            "limit",
        ),
        ({"no_such_property": "1"}, "SELECT 1", "INVALID_SESSION_PROPERTY", "rejected"),
        ({}, "SELECT 1 FROM fraud.shop.nothing", "TABLE_NOT_FOUND", "rejected"),
        ({}, "SELECT", "SYNTAX_ERROR", "rejected"),
    ],
)
async def test_trinos_own_refusals_are_told_by_their_class(
    shop: TrinoShop, made: Made, session: dict[str, str], statement: str, name: str, reason: str
) -> None:
    client = made(TrinoClient(shop.url, session=session))
    async with shop.databases["fraud"].transaction() as tx:
        await tx.execute("LOCK TABLE shop.fraud_history IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TrinoError) as raised:
            await client.query(statement, deadline_s=20)
    assert (raised.value.name, raised.value.reason) == (name, reason)


async def test_more_than_may_queue_is_refused_at_once(shop: TrinoShop, made: Made) -> None:
    client = made(TrinoClient(shop.url, in_flight=60))
    lake = TrinoLake(client, view=shop.view, sources=SOURCE_NAMES)
    answers = await asyncio.gather(*(facts(lake, deadline_s=40) for _ in range(50)), return_exceptions=True)
    reasons = {answer.reason for answer in answers if isinstance(answer, LakeError)}
    assert "limit" in reasons


async def test_an_answer_larger_than_allowed_is_refused_and_taken_back(shop: TrinoShop, made: Made) -> None:
    await shop.add(every_fact("o1", "c1"))
    client = made(TrinoClient(shop.url, largest_answer=2_500))
    lake = TrinoLake(client, view=shop.view, sources=SOURCE_NAMES)
    with pytest.raises(LakeError, match="limit"):
        await facts(lake)
    await lake.close()
    assert await shop.running() == 0


async def test_queries_carry_our_name_and_are_found_by_it(shop: TrinoShop, made: Made) -> None:
    client = made(TrinoClient(shop.url, source="support-service-7", sign_in=SignIn(user="reader")))
    answer = await client.query("SELECT 7", deadline_s=20)
    assert answer.rows == [[7]]
    found = await shop.query("SELECT DISTINCT \"user\" FROM system.runtime.queries WHERE source = 'support-service-7'")
    assert found == [["reader"]]
