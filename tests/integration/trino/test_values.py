"""Values go into Trino as literals and come out of it as they were."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support.shop import DAY, every_fact
from support.trino import SOURCE_NAMES, TrinoShop
from support_service.adapters.trino import TrinoClient, TrinoLake
from support_service.adapters.trino.decoding import Kind, decoded
from support_service.adapters.trino.literals import text_literal, timestamp_literal

TEXTS = st.lists(st.text(max_size=40), min_size=1, max_size=60)
MOMENTS = st.datetimes(timezones=st.timezones(), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 28))  # noqa: DTZ001 - hypothesis adds the zone
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def echoed(shop: TrinoShop, literals: list[str]) -> list[object]:
    """What Trino makes of literals, each a row of its own."""

    async def ask() -> list[object]:
        client = TrinoClient(shop.url, source="test")
        rows = ", ".join(f"({number}, {literal})" for number, literal in enumerate(literals))
        try:
            answer = await client.query(f"SELECT v FROM (VALUES {rows}) t (n, v) ORDER BY n", deadline_s=30)
        finally:
            await client.close()
        kind: Kind = "varchar" if literals[0].startswith("'") else "timestamp with time zone"
        return [row[0] for row in decoded(answer.columns, answer.rows, (kind,))]

    return asyncio.run(ask())


async def test_every_text_comes_back_as_it_went(shop: TrinoShop) -> None:
    @FEW
    @given(TEXTS)
    @example(
        ["'", "''", "\\", "\\'", "--", "/*", "*/", ";", "\n", "\r\n", "\t", "\x00", "", "%", "?", ":x", "U&'\\0041'"]
    )
    @example(["Đơn hàng", "e\u0301", "\u200b", "\u2028", "\ufeff", "👩‍👩‍👧", "\U0010ffff", "\uffff", "\x7f\x80\x9f"])
    def comes_back(texts: list[str]) -> None:
        assert echoed(shop, [text_literal(text) for text in texts]) == texts

    await asyncio.to_thread(comes_back)


async def test_every_moment_comes_back_to_the_microsecond_in_utc(shop: TrinoShop) -> None:
    @FEW
    @given(st.lists(MOMENTS, min_size=1, max_size=60))
    @example([datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
    def comes_back(moments: list[datetime]) -> None:
        found = echoed(shop, [timestamp_literal(moment) for moment in moments])
        # In UTC, as Python holds a local time that never was to be unequal to every other.
        assert found == [moment.astimezone(UTC) for moment in moments]
        assert all(isinstance(one, datetime) and one.tzinfo is UTC for one in found)

    await asyncio.to_thread(comes_back)


async def test_an_id_that_no_database_holds_is_unknown_and_spoils_nothing_for_the_others(
    lake: TrinoLake, shop: TrinoShop
) -> None:
    await shop.add(every_fact("o1", "c1"))
    ids = ["o\x001", "\ud800", "o1"]
    rows = await lake.facts(ids, sources=SOURCE_NAMES, since=DAY, limit=100, deadline_s=20)
    assert len(rows) == len(every_fact("o1", "c1"))
    assert await lake.facts(ids[:2], sources=SOURCE_NAMES, since=DAY, limit=100, deadline_s=20) == []
    assert await lake.newest_orders(["c\x001"], limit=1, deadline_s=20) == {}


@pytest.mark.parametrize("many", [500, 1000])
async def test_a_batch_stays_a_list_in_postgresql_and_does_not_become_a_range(shop: TrinoShop, many: int) -> None:
    ids = ", ".join(text_literal(f"o{number:04}") for number in range(many))
    plan = await shop.query(f"EXPLAIN (TYPE DISTRIBUTED) SELECT * FROM {shop.view} WHERE order_id IN ({ids})")
    text = str(plan)
    assert text.count("IN (CAST(? AS") + text.count("IN (?") == len(SOURCE_NAMES)
    assert "BETWEEN" not in text
