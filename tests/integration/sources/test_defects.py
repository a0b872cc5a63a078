"""Answers that are not as they should be: what can be used is shown, and what is missing is admitted."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import REGISTRY

from support.shop import DAY, VIEW, Rest, Shop, every_fact, placed
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.rest import RestCommerce
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database
from support_service.sources import SOURCES, FetchKey, Sources

pytestmark = pytest.mark.usefixtures("patient")

KEY = FetchKey("c1", ("o1",))
GOOD = {
    "order_id": "o1",
    "version": 1,
    "customer_id": "c1",
    "status": "created",
    "occurred_at": "2026-03-01T12:00:00Z",
    "time_known": True,
}


class Careless:
    """Services that all answer with the same items, whatever is asked."""

    def __init__(self) -> None:
        self.document: Any = {"items": []}
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["order_ids"])
        return web.json_response(self.document)


@pytest.fixture
async def careless() -> Careless:
    return Careless()


@pytest.fixture
async def by_rest(careless: Careless, database: Database) -> AsyncIterator[Sources]:
    app = web.Application()
    app.router.add_get("/history", careless.answer)
    async with TestServer(app) as server:
        commerce = RestCommerce({source.service: str(server.make_url("")) for source in SOURCES})
        sources = Sources(database, None, commerce, SystemClock(), window_days=36_500)
        yield sources
        await sources.close()
        await commerce.close()


def dropped(source: str, reason: str) -> float:
    labels = {"source": source, "reason": reason}
    return REGISTRY.get_sample_value("support_source_facts_dropped_total", labels) or 0.0


@pytest.mark.parametrize("flaw", [{"version": "2"}, {"occurred_at": "2026-03-01"}, {"items": 1.5}, {"status": None}])
async def test_one_malformed_item_hides_no_other_and_the_source_admits_that_something_is_missing(
    careless: Careless, by_rest: Sources, flaw: dict[str, object]
) -> None:
    careless.document = {"items": [GOOD, GOOD | {"version": 2} | flaw, "not even an object"]}
    before = dropped("order", "malformed")
    fetched = await by_rest.fetch(KEY)
    assert [fact.entry_id for fact in fetched.facts] == ["order:o1:1"]
    assert (fetched.states["order"].status, fetched.states["order"].truncated) == ("ok", True)
    assert dropped("order", "malformed") == before + 2


async def test_facts_of_an_order_that_was_not_asked_for_are_left_out(careless: Careless, by_rest: Sources) -> None:
    careless.document = {"items": [GOOD, GOOD | {"order_id": "o2"}]}
    before = dropped("order", "not_asked_for")
    fetched = await by_rest.fetch(KEY)
    assert [fact.order_id for fact in fetched.facts] == ["o1"]
    assert dropped("order", "not_asked_for") == before + 1


@pytest.mark.parametrize("document", [[], {}, {"items": None}, {"items": {}}, None, "items", 7])
async def test_a_document_without_items_is_no_answer(careless: Careless, by_rest: Sources, document: object) -> None:
    careless.document = document
    fetched = await by_rest.fetch(KEY)
    assert {state.status for state in fetched.states.values()} == {"unavailable"}


async def test_an_order_id_that_a_service_would_read_as_two_is_not_asked_for(
    careless: Careless, by_rest: Sources
) -> None:
    fetched = await by_rest.fetch(FetchKey("c1", ("o1,o2",)))
    assert careless.asked == []
    assert {state.status for state in fetched.states.values()} == {"unavailable"}


async def test_a_service_is_asked_for_at_most_a_hundred_orders_at_once(careless: Careless, by_rest: Sources) -> None:
    ids = tuple(f"o{number}" for number in range(250))
    await by_rest.fetch(FetchKey("c1", ids))
    assert sorted(len(asked.split(",")) for asked in careless.asked) == sorted([100, 100, 50] * len(SOURCES))


async def test_a_row_of_the_lake_that_cannot_be_read_hides_no_other(
    shop: Shop, database: Database, lake: EmbeddedLake
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await shop.execute(f"ALTER VIEW {VIEW} RENAME TO sound")
    columns = "source, entity_id, customer_id, order_id, version, kind, occurred_at"
    await shop.execute(f"""
        CREATE VIEW {VIEW} AS SELECT {columns}, CASE WHEN kind = 'fraud.raised' THEN 'nonsense' ELSE data END AS data
        FROM lake.sound
    """)
    await shop.execute(f"GRANT SELECT ON {VIEW} TO {shop.lake_role}")
    sources = Sources(database, lake, RestCommerce({}), SystemClock(), window_days=36_500)
    fetched = await sources.fetch(KEY)
    await sources.close()
    assert {fact.kind for fact in fetched.facts if fact.source == "fraud"} == {"fraud.cleared", "fraud.confirmed"}
    assert {name for name, state in fetched.states.items() if state.truncated} == {"fraud"}


async def test_more_facts_than_are_shown_are_admitted_by_lake_and_rest_and_the_newest_are_kept(
    shop: Shop, rest: Rest, database: Database, lake: EmbeddedLake, commerce: RestCommerce
) -> None:
    first = placed("o1", "c1", DAY)
    await shop.add(
        replace(first, version=number, occurred_at=DAY + timedelta(seconds=number)) for number in range(1, 2_002)
    )
    for own_lake in (lake, None):
        sources = Sources(database, own_lake, commerce, SystemClock(), window_days=36_500)
        fetched = await sources.fetch(KEY)
        await sources.close()
        assert fetched.states["order"].truncated
        assert (len(fetched.facts), fetched.facts[0].version, fetched.facts[-1].version) == (2_000, 2_001, 2)
