"""Cases that wait for a state of their order, a payment or a shipment, and are opened again when it comes."""

from typing import Any
from uuid import UUID

import pytest

from support.api import patch, problem
from support.service import Person, RunningService, eventually
from support.shop import every_fact
from support.stream import all_told, listening
from support_service.demo.events import event_of
from support_service.demo.facts import ShopFact

AWAITED = {"source": "shipment", "status": "delivered"}


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


def facts_of(order_id: str) -> tuple[list[ShopFact], list[ShopFact]]:
    """The facts of an order before its shipment was delivered, and those that tell of it."""
    facts = every_fact(order_id, "c-1")
    delivered = [fact for fact in facts if (fact.source, fact.status) == ("shipment", "delivered")]
    later = {(fact.entity_id, version) for fact in delivered for version in range(fact.version, 99)}
    before = [fact for fact in facts if fact.source != "shipment" or (fact.entity_id, fact.version) not in later]
    return before, delivered[:1]


async def waits(agent: Person, ticket: Any, **changes: object) -> Any:
    current = await agent.get(f"/support/cases/{ticket['ticket_id']}")
    return await patch(agent, ticket["ticket_id"], current["version"], waits_for=AWAITED, **changes)


@pytest.mark.parametrize("status", ["PENDING", "ON_HOLD", "RESOLVED", "OPEN"])
async def test_a_case_is_opened_again_when_what_it_waits_for_comes_and_its_agent_is_told(
    service: RunningService, agent: Person, status: str
) -> None:
    before, delivered = facts_of("o-1")
    await service.shop.add(before)
    ticket = await agent.open_case(order_id="o-1")
    answer = await waits(agent, ticket, **({} if status == "OPEN" else {"status": status}))
    assert (answer.status, answer.body["waits_for"], answer.body["status"]) == (200, AWAITED, status)
    await all_told(service)
    async with listening(agent) as stream:
        await service.shop.add(delivered)
        while (came := await stream.next()).name != "awaited.came":
            assert came.name == "timeline.moved"
        assert came.data["ticket_ids"] == [ticket["ticket_id"]]
        assert came.data["entry_id"] == f"shipment:{delivered[0].entity_id}:{delivered[0].version}"
    found = await agent.get(f"/support/cases/{ticket['ticket_id']}")
    assert (found["status"], found["waits_for"], found["resolved_at"]) == ("OPEN", None, None)


async def test_another_state_and_another_order_open_nothing(service: RunningService, agent: Person) -> None:
    before, _ = facts_of("o-1")
    _, of_another = facts_of("o-2")
    await service.shop.add(before[:1])
    ticket = await agent.open_case(order_id="o-1")
    assert (await waits(agent, ticket, status="PENDING")).status == 200
    await all_told(service)
    async with listening(agent) as stream:
        await service.shop.add([*before[1:], *of_another])
        for _ in filter(event_of, before[1:]):
            assert (await stream.next()).name == "timeline.moved"
        assert await stream.nothing(0.5)
    assert (await agent.get(f"/support/cases/{ticket['ticket_id']}"))["status"] == "PENDING"


async def test_what_has_come_already_cannot_be_waited_for(service: RunningService, agent: Person) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    ticket = await agent.open_case(order_id="o-1")
    assert problem(await waits(agent, ticket)) == (409, "awaited-already")


async def test_a_case_without_an_order_has_nothing_to_wait_for(agent: Person) -> None:
    assert problem(await waits(agent, await agent.open_case())) == (422, "no-order-to-wait-for")


@pytest.mark.parametrize("awaited", [{"source": "fraud", "status": "alert"}, {"source": "order", "status": "lost"}, {}])
async def test_only_a_state_that_there_is_can_be_waited_for(agent: Person, awaited: dict[str, str]) -> None:
    ticket = await agent.open_case(order_id="o-1")
    answer = await patch(agent, ticket["ticket_id"], ticket["version"], waits_for=awaited)
    assert problem(answer) == (422, "invalid-input")


async def test_a_closed_case_and_one_moved_to_another_order_wait_no_more(
    service: RunningService, agent: Person
) -> None:
    before, delivered = facts_of("o-1")
    await service.shop.add(before)
    closed, moved, cleared = [await agent.open_case(order_id="o-1") for _ in range(3)]
    for ticket in (closed, moved, cleared):
        assert (await waits(agent, ticket, status="PENDING")).status == 200
    for ticket, change in (
        (closed, {"status": "CLOSED"}),
        (moved, {"order_id": "o-3"}),
        (cleared, {"waits_for": None}),
    ):
        version = (await agent.get(f"/support/cases/{ticket['ticket_id']}"))["version"]
        assert (await patch(agent, ticket["ticket_id"], version, **change)).body["waits_for"] is None
    async with service.api.database.transaction() as tx:  # as a process of the version before leaves it
        forgotten = "UPDATE support_tickets SET waits_for = $2 WHERE ticket_id = $1"
        await tx.execute(forgotten, UUID(closed["ticket_id"]), AWAITED)
    witness = await agent.open_case(order_id="o-1")
    assert (await waits(agent, witness, status="PENDING")).status == 200
    await service.shop.add(delivered)

    async def opened() -> bool:
        return bool((await agent.get(f"/support/cases/{witness['ticket_id']}"))["status"] == "OPEN")

    await eventually(opened)
    states = [
        (await agent.get(f"/support/cases/{ticket['ticket_id']}"))["status"] for ticket in (closed, moved, cleared)
    ]
    assert states == ["CLOSED", "PENDING", "PENDING"]
