"""Events go after a week, unless an open case needs them: found by their places in the inbox, part after part."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.intake import Watched, worker_services
from support.postgres import DatabaseDsns
from support_service import wiring
from support_service.context import service
from support_service.kit.database import Database
from support_service.kit.sql import load_queries

NOW = datetime(2026, 6, 8, tzinfo=UTC)
EVENTS = 1_000
STORED = f"""
    INSERT INTO support_timeline_events
        (order_id, source, entity_id, version, event_id, customer_id, occurred_at, data, received_at)
    SELECT 'o-' || n, 'order', 'o-' || n, 1, 'e-' || n, 'c-' || n, $1::timestamptz, '{{}}',
        $1::timestamptz - (n % 10) * interval '1 day'
    FROM generate_series(0, {EVENTS - 1}) AS n
"""
OPEN_CASES = """
    SET session_replication_role = replica;
    INSERT INTO support_case_context (ticket_id, source, customer_id, order_id, live, served_from)
    VALUES (gen_random_uuid(), 'order', 'c-9', 'o-9', true, 'events'), (gen_random_uuid(), 'order', 'c-19', NULL, true, 'events'),
        (gen_random_uuid(), 'order', 'c-29', 'o-29', false, 'events');
    RESET session_replication_role
"""
MANY_CASES = """
    SET session_replication_role = replica;
    INSERT INTO support_case_context (ticket_id, source, customer_id, order_id, live, served_from)
    SELECT gen_random_uuid(), 'order', 'x-' || n, 'x-' || n, true, 'lake' FROM generate_series(1, 5000) AS n;
    RESET session_replication_role
"""
LEFT = "SELECT count(*) FROM support_timeline_events"


@pytest.fixture
async def services(database_dsns: DatabaseDsns, watched: Watched, tmp_path: Path) -> AsyncIterator[wiring.Services]:
    await watched.execute(STORED, NOW)
    settings = {"demo": True, "database_url": database_dsns.app, "local_issuer_key": tmp_path / "issuer.pem"}
    async with worker_services(settings) as services:
        yield services


async def test_what_is_older_than_a_week_goes_unless_a_live_case_is_about_its_order_or_its_customer(
    services: wiring.Services, watched: Watched
) -> None:
    await watched.execute(OPEN_CASES)
    await services.context.purge(NOW)
    old = " WHERE received_at < $1"
    assert await watched.count(LEFT + old + " AND order_id IN ('o-9', 'o-19')", NOW - timedelta(days=7)) == 2
    assert await watched.count(LEFT + old, NOW - timedelta(days=7)) == 2
    assert await watched.count(LEFT) == EVENTS * 8 // 10 + 2


async def test_a_large_inbox_is_looked_through_in_parts_one_an_hour_and_none_is_left_out(
    services: wiring.Services, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_SMALL", 1)
    monkeypatch.setattr(service, "_PARTS", 3)
    monkeypatch.setattr(service, "_PURGED_AT_ONCE", 2)
    left = [EVENTS]
    for hour in range(3):
        await services.context.purge(NOW + timedelta(days=30, hours=hour))
        left.append(await watched.count(LEFT))
    assert left[3] == 0
    assert EVENTS // 2 < left[1] < EVENTS
    assert EVENTS // 5 < left[2] < EVENTS // 2


@pytest.mark.parametrize("planned", ["force_custom_plan", "force_generic_plan"])
async def test_a_part_is_looked_through_without_reading_the_others_nor_all_contexts(
    services: wiring.Services, database_dsns: DatabaseDsns, planned: str
) -> None:
    query = load_queries("support_service.context")["purge_events"]
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.connection() as connection:
        await connection.execute(MANY_CASES)
        await connection.execute(f"ANALYZE; SET plan_cache_mode = {planned}")
        explained = await connection.fetch(f"EXPLAIN {query}", NOW, (0, 0), (4, 0))
        await connection.execute("RESET plan_cache_mode")
    await owner.close()
    plan = "\n".join(row[0] for row in explained)
    assert "Tid Range Scan" in plan
    assert "Seq Scan" not in plan
