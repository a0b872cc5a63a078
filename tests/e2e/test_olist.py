"""Olist's orders through the whole service: every timeline agrees with the files, and the order of arrival changes nothing.

The fixture runs always; the publisher's own files, when they lie beside the checkout, run as well and are all compared.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.clocks import HandClock
from support.olist import expected_facts, olist_directories
from support.postgres import DatabaseDsns, Server
from support.service import settings_for, worked_off
from support.shop import Shop, open_shop, record_of
from support_service import wiring
from support_service.adapters.embedded.issuer import ISSUER
from support_service.cases import Channel, NewCase, Priority
from support_service.demo.events import events_of
from support_service.demo.olist import read_stock
from support_service.demo.tables import stock_shop
from support_service.directory import Principal, Profile
from support_service.kit.database import Database
from support_service.ports.identity import VerifiedClaims
from support_service.timeline import CaseKey

AT_ONCE = 8
CASES = 150
EARLY = datetime(2020, 1, 1, tzinfo=UTC)
DIRECTORIES = pytest.mark.parametrize("directory", olist_directories(), ids=lambda path: path.name)

NOT_STATE = {
    "support_timeline_events": {"received_at"},
    "order_subjects": {"learnt_at"},  # the time it was received
    "event_log": {"id", "position", "event_id", "occurred_at", "trace"},  # occurred_at: when it was written
    "support_agent_activity": {"activity_id", "occurred_at"},
    "support_case_context": {"as_of"},
    "log_cursors": {"moved_at"},
}
"""Columns that tell when a row was written or where it stands in the log, not what is true."""


@asynccontextmanager
async def wired(
    dsns: DatabaseDsns, shop: Shop, folder: Path, clock: HandClock | None
) -> AsyncIterator[wiring.Services]:
    settings = settings_for(dsns, shop, "http://127.0.0.1:9", folder / "issuer.pem", "-")
    services = wiring.Services(settings, name="test-olist", clock=clock)
    try:
        yield services
    finally:
        await services.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@DIRECTORIES
async def test_the_timeline_of_every_order_agrees_with_the_files_rows(
    directory: Path, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> None:
    orders: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for entry_id, fact in expected_facts(directory).items():
        orders[fact["order_id"]][entry_id] = fact
    async with (
        open_shop(empty_database_url) as shop,
        wired(database_dsns, shop, tmp_path, None) as services,
    ):
        await stock_shop(shop.database, *read_stock(directory), choice="test", now=datetime.now(UTC))
        todo = iter(orders.items())

        async def compare() -> int:
            compared = 0
            for order_id, facts in todo:
                customer_id = next(iter(facts.values()))["customer_id"]
                entries = await whole_timeline(services, CaseKey(customer_id or "nobody", order_id))
                assert {entry["entry_id"]: shown(entry) for entry in entries} == {
                    entry_id: told(fact) for entry_id, fact in facts.items()
                }
                assert_versions_descend(entries)
                compared += 1
            return compared

        compared = sum(await asyncio.gather(*(compare() for _ in range(AT_ONCE))))
    assert compared == len(orders)


async def whole_timeline(services: wiring.Services, key: CaseKey) -> list[dict[str, Any]]:
    """Every entry, page by page; all sources must have answered."""
    entries: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        served = await services.timeline.page(key, Profile.CLEAR, cursor=cursor, limit=100)
        page = json.loads(served.body)
        assert {source["status"] for source in page["sources"]} == {"ok"}
        entries += page["entries"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


def shown(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry["kind"], entry["order_id"], datetime.fromisoformat(entry["occurred_at"]), entry["data"]


def told(fact: Mapping[str, Any]) -> tuple[Any, ...]:
    return fact["kind"], fact["order_id"], fact["occurred_at"], fact["data"]


def assert_versions_descend(entries: Sequence[Mapping[str, Any]]) -> None:
    versions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for entry in entries:
        versions[entry["source"], entry["entity_id"]].append(entry["version"])
    assert all(found == sorted(found, reverse=True) for found in versions.values())


@pytest.mark.slow
@pytest.mark.timeout(300)
@DIRECTORIES
async def test_the_same_events_shuffled_doubled_and_cut_otherwise_end_in_the_same_tables(
    directory: Path, postgres: Server, migrated_template: str, tmp_path: Path
) -> None:
    customers, facts = read_stock(directory)
    del customers
    records = [record_of(event, n) for n, event in enumerate(events_of(facts), 1)]
    owners = sorted({(str(fact.customer_id), fact.order_id) for fact in facts if fact.customer_id})[:CASES]
    chance = random.Random(11)
    shuffled = records + chance.sample(records, len(records) // 2) + records[: len(records) // 4]
    chance.shuffle(shuffled)
    ends = []
    for arriving, largest in ((records, 500), (shuffled, 37 if len(records) < 5_000 else 700)):
        async with (
            postgres.database(template=migrated_template) as dsns,
            postgres.database() as shop_dsns,
            open_shop(shop_dsns.owner) as shop,
            wired(dsns, shop, tmp_path, HandClock()) as services,
        ):
            await open_and_enrich(services, owners)
            rest = list(arriving)
            while rest:
                size = chance.randint(1, largest)
                await services.context.ingest(rest[:size])
                rest = rest[size:]
            ends.append(await state_of(dsns))
    assert len(ends[0]["support_timeline_events"]) == len(records)
    assert ends[0]["event_log"]
    for table, rows in ends[0].items():
        assert rows == ends[1][table], table


async def open_and_enrich(services: wiring.Services, owners: Sequence[tuple[str, str]]) -> None:
    """Open cases, every other without its order, and let the worker's parts do what they do."""
    claims = {"realm_access": {"roles": ["AGENT"]}, "teams": ["orders"]}
    principal: Principal = await services.directory.sign_in(
        services.database, VerifiedClaims(ISSUER, "p-1", "P", None, EARLY, claims)
    )
    for n, (customer_id, order_id) in enumerate(owners):
        case = NewCase(
            customer_id, order_id if n % 2 else None, Channel.WEB, "s", "d", Priority.NORMAL, None, None, None
        )
        async with services.database.transaction() as tx:
            await services.cases.open_case(tx, principal, case)
    await worked_off(services)


async def state_of(dsns: DatabaseDsns) -> dict[str, list[str]]:
    """Every table of the service, row by row as sorted text, random ids replaced by what they stand for."""
    database = Database(dsns.owner, name="test-state", max_size=1, command_timeout_s=60)
    async with database.connection() as connection:
        names = {
            str(row["id"]): row["name"]
            for row in await connection.fetch(
                "SELECT ticket_id AS id, reference AS name FROM support_tickets"
                " UNION ALL SELECT agent_id, subject FROM support_agents"
                " UNION ALL SELECT conversation_id, reference || '#' || number"
                " FROM support_conversations JOIN support_tickets USING (ticket_id)"
            )
        }
        state = {}
        tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        for (table,) in await connection.fetch(f"{tables} AND relname <> 'alembic_version'"):
            dropped = sorted(NOT_STATE.get(table, set()))
            rows = await connection.fetch(f"SELECT to_jsonb(t) - $1::text[] AS row FROM {table} AS t", dropped)
            found = [row["row"] for row in rows]
            if table == "event_log":
                # Which fact of a customer got which generation depends on arrival; that each was given once does not.
                state["event_log: sequences"] = sorted(
                    named(f"{row['subject']} {row.pop('sequence')}", names) for row in found
                )
            state[table] = sorted(named(json.dumps(row, sort_keys=True), names) for row in found)
    await database.close()
    return state


def named(text: str, names: Mapping[str, str]) -> str:
    for member in {part for part in text.replace('"', " ").split() if part in names}:
        text = text.replace(member, names[member])
    return text
