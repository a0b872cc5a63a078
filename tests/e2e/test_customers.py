"""The customer's page and repeat contacts: what is in sight, how each source stands, and who looked."""

from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from support.api import CASES, agent_id, count, patch, problem, rows
from support.postgres import DatabaseDsns
from support.service import Person, RunningService
from support.shop import DAY, every_fact, placed, record_of
from support_service.demo.events import event_of

CUSTOMER = "/support/customers/c-1"


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


async def looks(service: RunningService) -> list[dict[str, Any]]:
    """What is written down of looks at customers."""
    return await rows(
        service,
        "SELECT action, agent_id::text, ticket_id::text, detail FROM support_agent_activity"
        " WHERE action LIKE 'customer.%' ORDER BY activity_id",
    )


async def test_a_customers_page_tells_who_they_are_what_they_asked_and_what_became_of_their_orders(
    service: RunningService, agent: Person
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    first = await agent.open_case(order_id="o-1", language="vi", contact={"email": "old@shop.example"})
    second = await agent.open_case(order_id="o-1", language="en", contact={"email": "new@shop.example"})
    third = await agent.open_case(order_id="o-2", language="vi")
    page = await agent.get(CUSTOMER)
    assert page["customer_id"] == "c-1"
    assert page["known_since"] <= second["created_at"]
    assert page["contact"] == {"email": "new@shop.example"}, "as last given"
    assert page["languages"] == ["vi", "en"]
    assert page["cases"] == {"items": [third, second, first], "next_cursor": None}
    assert page["repeat_contacts"] == [{"order_id": "o-1", "cases": 2, "newest": second["ticket_id"]}]
    orders = {order.pop("order_id"): order for order in page["orders"]}
    state = next(entry for entry in page["timeline"]["entries"] if entry["source"] == "order")
    assert orders == {
        "o-1": {"status": state["data"]["status"], "status_since": state["occurred_at"], "cases": 2},
        "o-2": {"status": None, "status_since": None, "cases": 1},
    }
    assert page["orders_complete"] is False, "of an order that only a case names no state is known"
    assert {source["status"] for source in page["timeline"]["sources"]} == {"ok"}
    without_order = await agent.open_case()
    assert page["timeline"]["entries"] == (await agent.timeline(without_order["ticket_id"]))["entries"]


async def test_of_orders_that_only_events_told_of_a_customers_timeline_shows_theirs(
    service: RunningService, agent: Person
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    case = await agent.open_case()
    told = [event_of(placed(order, whose, DAY)) for order, whose in (("o-2", "c-1"), ("o-3", "c-2"), ("o-4", None))]
    await service.worker.context.ingest([record_of(event, n) for n, event in enumerate(filter(None, told))])
    entries = (await agent.timeline(case["ticket_id"]))["entries"]
    assert {entry["order_id"] for entry in entries} == {"o-1", "o-2"}


async def test_the_orders_are_complete_when_every_state_is_known_now(service: RunningService, agent: Person) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    await agent.open_case(order_id="o-1")
    assert (await agent.get(CUSTOMER))["orders_complete"] is True


async def test_while_every_source_is_away_the_page_says_so_and_shows_what_is_known_here(
    service: RunningService, agent: Person
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    case = await agent.open_case(order_id="o-1")
    await service.shop.stop_lake()
    await service.stop_rest()
    page = await agent.get(CUSTOMER)
    assert {source["status"] for source in page["timeline"]["sources"]} <= {"stale", "unavailable"}
    assert page["orders_complete"] is False
    assert [item["ticket_id"] for item in page["cases"]["items"]] == [case["ticket_id"]]
    assert [order["order_id"] for order in page["orders"]] == ["o-1"]


async def test_an_agent_knows_only_customers_of_whom_a_case_is_in_sight_and_sees_only_those_cases(
    service: RunningService, agent: Person
) -> None:
    other, supervisor = service.person("AGENT", teams=("payments",)), service.person("SUPERVISOR")
    hidden = await other.open_case(order_id="o-1")
    refused = await agent.ask("GET", CUSTOMER)
    assert problem(refused) == (404, "customer-not-found")
    absent = await agent.ask("GET", "/support/customers/nobody")
    assert refused.body == absent.body
    mine = await agent.open_case(order_id="o-1")
    seen = {
        name: [case["ticket_id"] for case in (await person.get(CUSTOMER))["cases"]["items"]]
        for name, person in (("agent", agent), ("other", other), ("supervisor", supervisor))
    }
    both = [mine["ticket_id"], hidden["ticket_id"]]
    assert seen == {"agent": both[:1], "other": both[1:], "supervisor": both}
    assert problem(await supervisor.ask("GET", "/support/customers/nobody")) == (404, "customer-not-found")
    assert (await agent.get(CUSTOMER))["repeat_contacts"] == [], "what is out of sight is not counted"


async def test_who_looked_at_a_customer_or_was_refused_is_recorded_without_saying_whom(
    service: RunningService, agent: Person
) -> None:
    other = service.person("AGENT", teams=("payments",))
    case = await agent.open_case()
    await agent.get(CUSTOMER)
    assert (await other.ask("GET", CUSTOMER)).status == 404
    assert (await other.ask("GET", "/support/customers/nobody")).status == 404
    assert await looks(service) == [
        {"action": name, "agent_id": await agent_id(who), "ticket_id": case["ticket_id"], "detail": {}}
        for name, who in (("customer.viewed", agent), ("customer.out_of_sight", other))
    ]


async def test_a_look_that_cannot_be_recorded_is_not_answered(
    service: RunningService, agent: Person, database_dsns: DatabaseDsns
) -> None:
    await agent.open_case()
    async with service.api.database.connection() as connection:
        role = await connection.fetchval("SELECT quote_ident(current_user)")
    owner = await asyncpg.connect(database_dsns.owner)
    await owner.execute(f"REVOKE INSERT ON support_agent_activity FROM {role}")
    await owner.close()
    assert (await agent.ask("GET", CUSTOMER)).status >= 500


async def test_analysts_and_machines_may_not_look_at_customers(service: RunningService) -> None:
    for role in ("ANALYST", "SERVICE"):
        answer = await service.person(role).ask("GET", CUSTOMER)
        assert (problem(answer), answer.body["action"]) == ((403, "role-not-allowed"), "customer.read")
    assert await count(service, "support_agent_activity WHERE action = 'customer.viewed'") == 0


async def test_a_customer_of_many_cases_is_gone_on_with_in_the_list(service: RunningService, agent: Person) -> None:
    opened = [(await agent.open_case())["ticket_id"] for _ in range(52)]
    cases = (await agent.get(CUSTOMER))["cases"]
    shown = [case["ticket_id"] for case in cases["items"]]
    assert shown == opened[:1:-1]
    rest = await agent.get(f"{CASES}?customer_id=c-1&cursor={quote(cases['next_cursor'])}")
    assert [case["ticket_id"] for case in rest["items"]] == opened[1::-1]


async def related(person: Person, ticket_id: str) -> Any:
    return await person.get(f"{CASES}/{ticket_id}/related")


async def test_a_case_tells_of_the_other_cases_on_its_order_in_sight_newest_first(
    service: RunningService, agent: Person
) -> None:
    other = service.person("AGENT", teams=("payments",))
    opened = [await agent.open_case(order_id="o-1") for _ in range(7)]
    hidden = await other.open_case(order_id="o-1")
    alone, without = await agent.open_case(order_id="o-2"), await agent.open_case()
    found = await related(agent, opened[0]["ticket_id"])
    assert found == {"order_id": "o-1", "count": 6, "more": False, "items": opened[:1:-1]}
    assert (await related(other, hidden["ticket_id"]))["count"] == 0
    assert (await related(agent, alone["ticket_id"]))["count"] == 0
    nothing: dict[str, Any] = {"order_id": None, "count": 0, "more": False, "items": []}
    assert await related(agent, without["ticket_id"]) == nothing
    assert (await patch(agent, alone["ticket_id"], 1, order_id="o-1")).status == 200
    assert (await related(agent, opened[0]["ticket_id"]))["count"] == 7, "a case that moved there counts"
    assert problem(await agent.ask("GET", f"{CASES}/{hidden['ticket_id']}/related")) == (404, "case-not-found")
    masked = await related(service.person("ANALYST"), opened[0]["ticket_id"])
    assert (masked["count"], {case["subject"] for case in masked["items"]}) == (8, {None})


async def test_of_very_many_cases_on_an_order_no_more_than_fifty_are_counted(
    service: RunningService, agent: Person
) -> None:
    case = await agent.open_case(order_id="o-1")
    for total, counted, more in ((51, 50, False), (52, 50, True)):
        while await count(service, "support_tickets") < total:
            await agent.open_case(order_id="o-1")
        found = await related(agent, case["ticket_id"])
        assert (found["count"], found["more"], len(found["items"])) == (counted, more, 5)
