"""The whole flow over HTTP: a case on a real order, its timeline while the shop moves, and every part taken away."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from support.service import Person, RunningService, eventually
from support.shop import every_fact, placed
from support_service.sources import FetchKey, ordered

SOURCES = ["order", "payment", "shipment", "fraud", "feedback"]


def ids(timeline: Any) -> list[str]:
    return [entry["entry_id"] for entry in timeline["entries"]]


def standing(timeline: Any) -> dict[str, tuple[str, str]]:
    return {source["source"]: (source["status"], source["served_from"]) for source in timeline["sources"]}


async def test_a_case_on_an_order_shows_one_merged_timeline_of_every_source(service: RunningService) -> None:
    facts = every_fact("o-1", "c-1")
    await service.shop.add(facts)
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    detail = await agent.get(f"/support/cases/{case['ticket_id']}?includeTimeline=true")
    timeline = detail["timeline"]
    assert set(ids(timeline)) == {f"{fact.source}:{fact.entity_id}:{fact.version}" for fact in facts}
    assert standing(timeline) == dict.fromkeys(SOURCES, ("ok", "lake"))
    assert detail["conversation"][0]["message"] == "It is late."
    assert detail["conversation"][0]["author_type"] == "CUSTOMER"
    assert detail["conversation"][0]["recorded_by"] is not None
    assert "timeline" not in await agent.get(f"/support/cases/{case['ticket_id']}")


async def test_facts_come_in_the_order_of_a_timeline(service: RunningService) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    facts = (await service.api.sources.fetch(FetchKey("c-1", ("o-1",)))).facts
    assert ids(await agent.timeline(case["ticket_id"])) == [fact.entry_id for fact in ordered(facts)]


async def test_what_the_shop_tells_by_event_shows_in_the_next_read_within_half_a_second_or_so(
    service: RunningService,
) -> None:
    facts = [fact for fact in every_fact("o-1", "c-1") if fact.source == "order"]
    await service.shop.add(facts[:1])
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    assert ids(await agent.timeline(case["ticket_id"])) == ["order:o-1:1"]

    async def cached() -> bool:
        answer = await agent.ask("GET", f"/support/cases/{case['ticket_id']}/timeline")
        return answer.headers["cache-status"].startswith("support; hit") and int(answer.headers["age"]) < 60

    await eventually(cached)

    await service.shop.add(facts[1:2])

    async def shown() -> bool:
        return ids(await agent.timeline(case["ticket_id"])) == ["order:o-1:2", "order:o-1:1"]

    await eventually(shown)


async def test_the_lake_then_rest_are_taken_away_and_come_back_and_every_answer_says_where_it_is_from(
    service: RunningService,
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    ticket_id = case["ticket_id"]
    whole = await agent.timeline(ticket_id)
    await _enriched(service, ticket_id)

    await service.shop.stop_lake()
    from_rest = await _fresh_timeline(service, agent, ticket_id)
    assert standing(from_rest) == dict.fromkeys(SOURCES, ("ok", "rest"))
    assert from_rest["entries"] == whole["entries"]

    await service.stop_rest()
    stored = await _fresh_timeline(service, agent, ticket_id)
    assert standing(stored) == dict.fromkeys(SOURCES, ("stale", "context"))
    assert stored["entries"] == whole["entries"]
    assert all(source["as_of"] is not None for source in stored["sources"])

    late = every_fact("o-1", "c-1")[0]
    await service.shop.add([_next_version(late)])

    async def overlaid() -> bool:
        return ids(await agent.timeline(ticket_id))[0] == f"order:o-1:{late.version + 90}"

    await eventually(overlaid)

    await service.start_rest()
    await service.shop.start_lake()

    async def recovered() -> bool:
        return standing(await agent.timeline(ticket_id)) == dict.fromkeys(SOURCES, ("ok", "lake"))

    await eventually(recovered, within_s=30)


async def test_with_everything_away_and_nothing_stored_a_source_is_unavailable_never_empty(
    service: RunningService,
) -> None:
    await service.shop.stop_lake()
    await service.stop_rest()
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-9")
    timeline = await agent.timeline(case["ticket_id"])
    assert standing(timeline) == dict.fromkeys(SOURCES, ("unavailable", "none"))
    assert timeline["entries"] == []
    assert {source["as_of"] for source in timeline["sources"]} == {None}


async def test_a_case_without_an_order_shows_the_customers_newest_orders_and_follows_a_new_one(
    service: RunningService,
) -> None:
    first = datetime.fromisoformat("2026-03-01T10:00:00+00:00")
    await service.shop.add([placed("o-1", "c-1", first), placed("o-2", "c-1", first), placed("o-3", "c-2", first)])
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case()
    assert set(ids(await agent.timeline(case["ticket_id"]))) == {"order:o-1:1", "order:o-2:1"}
    await service.shop.add([placed("o-4", "c-1", datetime.fromisoformat("2026-03-02T10:00:00+00:00"))])

    async def followed() -> bool:
        return ids(await agent.timeline(case["ticket_id"]))[0] == "order:o-4:1"

    await eventually(followed)


async def test_another_customers_order_is_refused_and_an_unknown_one_is_accepted(service: RunningService) -> None:
    await service.shop.add([placed("o-2", "c-2", datetime.fromisoformat("2026-03-01T10:00:00+00:00"))])
    agent = service.person("AGENT", teams=("orders",))

    async def learnt() -> bool:
        async with service.api.database.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM order_subjects WHERE order_id = 'o-2'"))

    await eventually(learnt)
    body = {"customer_id": "c-1", "order_id": "o-2", "channel": "WEB", "subject": "x", "description": "x"}
    refused = await agent.ask("POST", "/support/cases", body)
    assert (refused.status, refused.body["type"]) == (422, "urn:support-service:problem:order-of-another-customer")
    unknown = await agent.open_case(order_id="o-unknown")
    assert (await agent.timeline(unknown["ticket_id"]))["entries"] == []


async def test_a_case_that_named_a_wrong_order_never_shows_another_customers_facts(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(customer_id="c-1", order_id="o-5")
    await service.shop.add(every_fact("o-5", "c-2"))
    for _ in range(5):
        assert (await agent.timeline(case["ticket_id"]))["entries"] == []
        await asyncio.sleep(0.1)


async def test_the_three_metrics_move_as_they_are_defined(service: RunningService) -> None:
    def created() -> float:
        return REGISTRY.get_sample_value("support_ticket_created_total", {"channel": "CHAT"}) or 0

    def answered(kind: str) -> float:
        labels = {"kind": kind, "channel": "CHAT"}
        return REGISTRY.get_sample_value("support_response_time_seconds_count", labels) or 0

    def errors() -> float:
        name = "support_timeline_refresh_errors_total"
        return sum(s.value for m in REGISTRY.collect() for s in m.samples if s.name == name)

    before = created(), answered("first"), answered("next"), errors()
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(channel="CHAT", order_id="o-1")
    assert created() == before[0] + 1
    assert (await agent.say(case["ticket_id"], "a note", internal=True)).status == 201
    assert answered("first") == before[1]
    assert (await agent.say(case["ticket_id"], "hello")).status == 201
    assert (answered("first"), answered("next")) == (before[1] + 1, before[2])
    assert (await agent.say(case["ticket_id"], "more", on_behalf_of_customer=True)).status == 201
    assert (await agent.say(case["ticket_id"], "answer")).status == 201
    assert (answered("first"), answered("next")) == (before[1] + 1, before[2] + 1)
    await service.shop.stop_lake()
    await _fresh_timeline(service, agent, case["ticket_id"])
    assert errors() > before[3]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
async def test_what_operators_and_integrators_need_answers_without_a_token(service: RunningService, path: str) -> None:
    async with service.session.get(service.url + path) as answer:
        assert answer.status == 200
        assert await answer.read()


def _next_version(fact: Any) -> Any:
    return replace(fact, version=fact.version + 90, occurred_at=fact.occurred_at + timedelta(days=90))


async def _enriched(service: RunningService, ticket_id: str) -> None:
    async def check() -> bool:
        async with service.api.database.connection() as connection:
            query = "SELECT count(*) FROM support_case_context WHERE ticket_id = $1 AND as_of IS NOT NULL"
            return bool(await connection.fetchval(query, ticket_id) == len(SOURCES))

    await eventually(check)


async def _fresh_timeline(service: RunningService, agent: Person, ticket_id: str) -> Any:
    """A timeline that is put together now: a page of another size is never cached."""
    return await agent.get(f"/support/cases/{ticket_id}/timeline?limit=99")
