"""One fact is one fact, whichever way it came: by the lake, by REST or by event."""

from datetime import date

import pytest

from support.shop import Shop, every_fact
from support_service.adapters.embedded.events import EmbeddedEvents
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.rest import RestCommerce
from support_service.demo.facts import ShopFact
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database
from support_service.sources import SOURCES, Fact, FetchKey, Sources, event_reader

pytestmark = pytest.mark.usefixtures("patient")

KEY = FetchKey("c1", ("o1",))


def by_entry(facts: list[Fact] | tuple[Fact, ...]) -> dict[str, Fact]:
    return {fact.entry_id: fact for fact in facts}


def told(fact: ShopFact) -> str:
    return f"{fact.source}:{fact.entity_id}:{fact.version}"


async def test_lake_rest_and_events_tell_every_source_and_status_alike(
    shop: Shop, database: Database, lake: EmbeddedLake, commerce: RestCommerce
) -> None:
    for customer_id in ("c1", None):
        order_id = f"o-{customer_id}"
        await shop.add(every_fact(order_id, customer_id))
    key = FetchKey("c1", ("o-c1", "o-None"))
    clock = SystemClock()
    by_lake = await Sources(database, lake, commerce, clock, window_days=36_500).fetch(key)
    by_rest = await Sources(database, None, commerce, clock, window_days=36_500).fetch(key)
    assert {state.served_from for state in by_lake.states.values()} == {"lake"}
    assert {state.served_from for state in by_rest.states.values()} == {"rest"}
    assert by_lake.facts == by_rest.facts

    facts = by_entry(by_lake.facts)
    assert facts.keys() == {told(fact) for order in ("c1", None) for fact in every_fact(f"o-{order}", order)}
    statuses = {fact.kind for fact in facts.values()}
    assert statuses == {f"{source.name}.{status}" for source in SOURCES for status in source.statuses}

    events = EmbeddedEvents(shop.events_dsn, group="test")
    records = await events.poll(max_records=1_000, timeout_s=2)
    await events.close()
    by_event = by_entry([event.fact for event in event_reader({})(records).events])
    assert {fact.source for fact in by_event.values()} == {source.name for source in SOURCES if source.topic}
    assert all(facts[entry_id] == fact for entry_id, fact in by_event.items())
    assert len(by_event) == len(records) > 30


async def test_a_fact_says_exactly_what_the_shop_said(shop: Shop, sources: Sources) -> None:
    await shop.add(every_fact("o1", "c1"))
    facts = by_entry((await sources.fetch(KEY)).facts)
    for fact in every_fact("o1", "c1"):
        found = facts[told(fact)]
        assert (found.order_id, found.customer_id, found.occurred_at) == ("o1", "c1", fact.occurred_at)
        details = {
            name: value.isoformat() if isinstance(value, date) else value for name, value in fact.details.items()
        }
        assert found.data == {"status": fact.status, **details, "time_known": fact.time_known}
