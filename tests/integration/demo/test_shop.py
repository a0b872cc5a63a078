"""The shop in PostgreSQL: what is stocked is what the lake's view shows, and what the REST services serve."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.olist import expected_facts, olist_directories
from support.service import serving_asgi
from support_service.demo.facts import SHAPES, ShopFact
from support_service.demo.generate import generate
from support_service.demo.olist import read_stock
from support_service.demo.rest import MOST_ORDERS, create_rest_app
from support_service.demo.tables import TABLES, create_shop, facts_of_orders, stock_shop, stocked_with
from support_service.kit.database import Database
from support_service.sources import timeline_view_sql

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
TOKEN = "made up"


@pytest.fixture
async def shop(empty_database_url: str) -> AsyncIterator[Database]:
    """An empty shop."""
    database = Database(empty_database_url, name="test-shop", max_size=4)
    await create_shop(database)
    yield database
    await database.close()


@pytest.fixture
async def stocked(shop: Database) -> list[ShopFact]:
    """The simulated shop's facts, which the shop now has."""
    customers, facts = generate(7, NOW)
    await stock_shop(shop, customers, facts, choice="simulated", now=NOW)
    return facts


@pytest.fixture
async def services(empty_database_url: str, stocked: list[ShopFact]) -> AsyncIterator[str]:
    """The address of the stocked shop's REST services, which want TOKEN."""
    async with serving_asgi(create_rest_app(empty_database_url, TOKEN)) as url:
        yield url


async def _get(url: str, token: str | None = TOKEN) -> tuple[int, Any]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("directory", olist_directories(), ids=lambda path: path.name)
async def test_the_view_shows_every_order_of_the_files_as_an_independent_reading_does(
    shop: Database, directory: Path
) -> None:
    """Imported by COPY and read through the timeline's own SELECTs, all orders, fact by fact."""
    started = time.monotonic()
    customers, facts = read_stock(directory)
    await stock_shop(shop, customers, facts, choice="olist", now=NOW)
    assert time.monotonic() - started < 10

    async with shop.connection() as connection:
        rows = await connection.fetch(timeline_view_sql(TABLES))
    shown = {
        f"{row['source']}:{row['entity_id']}:{row['version']}": {
            "order_id": row["order_id"],
            "customer_id": row["customer_id"],
            "kind": row["kind"],
            "occurred_at": row["occurred_at"],
            "data": json.loads(row["data"]),
        }
        for row in rows
    }
    expected = expected_facts(directory)

    assert len(rows) == len(expected)
    assert [key for key in expected if shown.get(key) != expected[key]] == []


async def test_making_the_shop_again_changes_nothing(shop: Database, stocked: list[ShopFact]) -> None:
    await create_shop(shop)

    async with shop.connection() as connection:
        counts = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES.values()]
    assert sum(counts) == len(stocked)
    assert await stocked_with(shop) == "simulated"


async def test_an_empty_shop_says_so(shop: Database) -> None:
    assert await stocked_with(shop) is None


async def test_facts_are_read_back_as_they_were_written(shop: Database, stocked: list[ShopFact]) -> None:
    order_ids = sorted({fact.order_id for fact in stocked})
    async with shop.connection() as connection:
        found = await facts_of_orders(connection, order_ids)

    assert {(fact.source, fact.entity_id, fact.version): fact for fact in found} == {
        (fact.source, fact.entity_id, fact.version): fact for fact in stocked
    }


async def test_each_service_serves_the_rows_of_its_table(services: str, stocked: list[ShopFact]) -> None:
    order_ids = sorted({fact.order_id for fact in stocked})
    for source, shape in SHAPES.items():
        served = []
        for start in range(0, len(order_ids), MOST_ORDERS):
            asked = ",".join(order_ids[start : start + MOST_ORDERS])
            status, body = await _get(f"{services}/{shape.service}/history?order_ids={asked}")
            assert status == 200
            served += body["items"]
        rows = [
            dict(zip(shape.columns, map(_as_json, fact.row()), strict=True))
            for fact in stocked
            if fact.source == source
        ]
        assert sorted(served, key=json.dumps) == sorted(rows, key=json.dumps)


async def test_a_customer_has_a_card_and_their_orders_come_newest_first(services: str, stocked: list[ShopFact]) -> None:
    placed = [fact for fact in stocked if fact.source == "order" and fact.version == 1]
    customer_id = placed[0].customer_id
    theirs = [fact for fact in placed if fact.customer_id == customer_id]

    status, card = await _get(f"{services}/orders/customers/{customer_id}")
    _, newest = await _get(f"{services}/orders/newest?customer_id={customer_id}")
    _, one = await _get(f"{services}/orders/newest?customer_id={customer_id}&limit=1")

    assert status == 200
    assert set(card) == {"customer_id", "name", "email", "phone", "language", "city"}
    expected = [fact.order_id for fact in sorted(theirs, key=lambda fact: fact.occurred_at, reverse=True)]
    assert [item["order_id"] for item in newest["items"]] == expected
    assert [item["order_id"] for item in one["items"]] == expected[:1]
    assert (await _get(f"{services}/orders/customers/nobody"))[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/orders/history",
        "/orders/history?order_ids=",
        "/payments/history?order_ids=a,,b",
        f"/shipments/history?order_ids={'x' * 129}",
        f"/fraud/history?order_ids={','.join(map(str, range(101)))}",
        "/orders/newest",
        "/orders/newest?customer_id=c&limit=0",
        "/orders/newest?customer_id=c&limit=101",
    ],
)
async def test_what_is_out_of_bounds_is_a_422_problem(services: str, path: str) -> None:
    status, problem = await _get(services + path)

    assert (status, problem["status"]) == (422, 422)


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN.upper()])
async def test_without_the_token_nothing_but_health_is_told(services: str, token: str | None) -> None:
    for shape in SHAPES.values():
        assert (await _get(f"{services}/{shape.service}/history?order_ids=a", token))[0] == 401
        assert await _get(f"{services}/{shape.service}/health", token) == (200, {"status": "ok"})
    assert (await _get(f"{services}/orders/newest?customer_id=c", token))[0] == 401
    assert (await _get(f"{services}/orders/customers/c", token))[0] == 401


async def test_unknown_orders_have_no_history(services: str) -> None:
    assert await _get(f"{services}/fraud/history?order_ids=none,such") == (200, {"items": []})


def _as_json(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
