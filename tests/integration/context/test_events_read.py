"""What a timeline reads of stored events is found by indexes, however many other customers' there are."""

from typing import Any

import asyncpg
import pytest

from support.postgres import DatabaseDsns
from support_service.kit.sql import load_queries

_OTHERS = """
    INSERT INTO support_timeline_events
        (order_id, source, entity_id, version, event_id, customer_id, occurred_at, data)
    SELECT 'o-' || n, 'order', n::text, 1, n::text, 'c-' || n / 2, now(), '{}'
    FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("planned", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    ("name", "values"),
    [("events_of_orders", [["o-1"]]), ("events_of_customer", [["o-1"], ["o-2", "o-3"], "c-1", 1000])],
)
async def test_reading_the_events_of_a_timeline_touches_no_others(
    database_dsns: DatabaseDsns, name: str, values: list[Any], planned: str
) -> None:
    query = load_queries("support_service.context")[name]
    connection = await asyncpg.connect(database_dsns.owner)
    try:
        await connection.execute(_OTHERS)
        await connection.execute("ANALYZE support_timeline_events")
        await connection.execute(f"SET plan_cache_mode = {planned}")
        explained = await connection.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {query}", *values)
        plan = "\n".join(row[0] for row in explained)
        assert "Seq Scan" not in plan
        assert "support_timeline_events_pkey" in plan
        assert "Rows Removed" not in plan
        assert len(await connection.fetch(query, *values)) == (1 if name == "events_of_orders" else 3)
    finally:
        await connection.close()


async def test_of_the_customers_other_orders_it_reads_only_what_tells_of_the_customer(
    database_dsns: DatabaseDsns,
) -> None:
    query = load_queries("support_service.context")["events_of_customer"]
    connection = await asyncpg.connect(database_dsns.owner)
    try:
        await connection.execute(_OTHERS)
        found = await connection.fetch(query, ["o-1"], ["o-2", "o-3", "o-4"], "c-1", 1000)
        assert {row["order_id"] for row in found} == {"o-1", "o-2", "o-3"}
    finally:
        await connection.close()
