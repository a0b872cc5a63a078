"""Messages: whose words they are, what they do to a case, when one is refused, and the order they are read in."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from support.api import CASES, agent_id, count, patch, pointers, problem, rows
from support.service import Person, RunningService, eventually
from support.shop import every_fact
from support_service import cases, context
from support_service.context import StoredSource

MESSAGES = CASES + "/{}/messages"


async def conversation(person: Person, ticket_id: str) -> list[dict[str, Any]]:
    found = (await person.get(f"{CASES}/{ticket_id}"))["conversation"]
    assert isinstance(found, list)
    return found


async def test_whose_words_a_message_holds_follows_from_who_writes_it(service: RunningService) -> None:
    agent, supervisor = service.person("AGENT", teams=("orders",)), service.person("SUPERVISOR")
    machine = service.person("SERVICE")
    ticket_id = (await machine.open_case(description="first"))["ticket_id"]
    me, boss = await agent_id(agent), await agent_id(supervisor)
    said = [
        await agent.say(ticket_id, "second"),
        await supervisor.say(ticket_id, "third"),
        await machine.say(ticket_id, "fourth"),
        await machine.say(ticket_id, "fifth", on_behalf_of_customer=True),
        await agent.say(ticket_id, "sixth", on_behalf_of_customer=True),
        await agent.say(ticket_id, "seventh", internal=True),
    ]
    assert [answer.status for answer in said] == [201] * 6
    found = await conversation(agent, ticket_id)
    machine_id = found[0]["author_id"]
    assert [(each["author_type"], each["author_id"], each["recorded_by"], each["internal"]) for each in found] == [
        ("CUSTOMER", machine_id, None, False),
        ("AGENT", me, None, False),
        ("AGENT", boss, None, False),
        ("BOT", machine_id, None, False),
        ("CUSTOMER", machine_id, None, False),
        ("CUSTOMER", me, me, False),
        ("AGENT", me, None, True),
    ]
    assert [each["number"] for each in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [each["message"] for each in found[1:]] == ["second", "third", "fourth", "fifth", "sixth", "seventh"]
    assert [answer.body for answer in said] == found[1:]
    assert [answer.headers["etag"] for answer in said] == [f'"{n}"' for n in range(2, 8)]
    assert said[0].headers["location"] == f"{CASES}/{ticket_id}"


async def test_a_message_with_wrong_fields_is_refused_by_their_names_and_nothing_is_stored(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case())["ticket_id"]
    path = MESSAGES.format(ticket_id)
    for body, expected in (
        ({}, ["/message"]),
        ({"message": " \n "}, ["/message"]),
        ({"message": "a\0"}, ["/message"]),
        ({"message": "\ud800"}, ["/message"]),
        ({"message": "x" * 20_001}, ["/message"]),
        ({"message": "x", "author_type": "BOT", "ticket_id": ticket_id}, ["/author_type", "/ticket_id"]),
        ({"message": "x", "internal": None, "seen_through": "1"}, ["/internal", "/seen_through"]),
        ({"message": "x", "internal": True, "on_behalf_of_customer": True}, [""]),
        ([], [""]),
    ):
        assert pointers(await agent.ask("POST", path, body)) == expected, body
    assert await count(service, "support_conversations") == 1
    assert (await agent.get(f"{CASES}/{ticket_id}"))["version"] == 1


async def test_a_reply_is_refused_when_others_have_written_since_what_its_writer_had_seen(
    service: RunningService,
) -> None:
    agent, colleague = service.person("AGENT", teams=("orders",)), service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case())["ticket_id"]
    other_case = (await agent.open_case())["ticket_id"]
    first = (await conversation(agent, ticket_id))[0]["conversation_id"]
    elsewhere = (await conversation(agent, other_case))[0]["conversation_id"]
    assert (await agent.say(ticket_id, "mine", seen_through=first)).status == 201
    assert (await agent.say(ticket_id, "mine again", seen_through=first)).status == 201, "own replies do not count"
    theirs = await colleague.say(ticket_id, "a note", internal=True, seen_through=first)
    assert problem(theirs) == (409, "conversation-moved")
    newest = (await conversation(colleague, ticket_id))[-1]["conversation_id"]
    noted = await colleague.say(ticket_id, "a note", internal=True, seen_through=newest)
    assert noted.status == 201
    assert problem(await agent.say(ticket_id, "late", seen_through=first)) == (409, "conversation-moved")
    seen = noted.body["conversation_id"]
    assert (await agent.say(ticket_id, "They called.", on_behalf_of_customer=True, seen_through=seen)).status == 201
    assert problem(await agent.say(ticket_id, "late", seen_through=seen)) == (409, "conversation-moved")
    for unknown in (str(uuid4()), elsewhere):
        assert problem(await agent.say(ticket_id, "?", seen_through=unknown)) == (422, "unknown-message")
    assert [each["message"] for each in await conversation(agent, ticket_id)][1:] == [
        "mine", "mine again", "a note", "They called.",
    ]  # fmt: skip


async def test_the_customer_waits_from_the_first_unanswered_message_to_a_public_reply_of_an_agent(
    service: RunningService,
) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    case = await machine.open_case()
    ticket_id = case["ticket_id"]

    async def waiting_since() -> str | None:
        found: str | None = (await agent.get(f"{CASES}/{ticket_id}"))["awaiting_since"]
        return found

    await machine.say(ticket_id, "still there?", on_behalf_of_customer=True)
    await machine.say(ticket_id, "a bot's greeting")
    await agent.say(ticket_id, "a note", internal=True)
    assert await waiting_since() == case["created_at"]
    reply = (await agent.say(ticket_id, "Hello")).body
    assert await waiting_since() is None
    again = (await machine.say(ticket_id, "And now?", on_behalf_of_customer=True)).body
    assert await waiting_since() == again["created_at"]
    assert (await agent.get(f"{CASES}/{ticket_id}"))["first_responded_at"] == reply["created_at"]


async def test_the_customers_words_open_a_resolved_case_again_and_nobody_elses_do(service: RunningService) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    ticket_id = (await machine.open_case())["ticket_id"]
    assert (await patch(agent, ticket_id, 1, status="RESOLVED")).status == 200
    for words in (
        agent.say(ticket_id, "reply"),
        agent.say(ticket_id, "note", internal=True),
        machine.say(ticket_id, "b"),
    ):
        assert (await words).status == 201
        assert (await agent.get(f"{CASES}/{ticket_id}"))["status"] == "RESOLVED"
    assert (await machine.say(ticket_id, "No!", on_behalf_of_customer=True)).status == 201
    case = await agent.get(f"{CASES}/{ticket_id}")
    assert (case["status"], case["resolved_at"]) == ("OPEN", None)
    moves = await rows(
        service, "SELECT data FROM event_log WHERE type = 'support.case.status.changed' AND subject = $1 ORDER BY id",
        ticket_id,
    )  # fmt: skip
    assert [(move["data"]["before"], move["data"]["after"]) for move in moves] == [
        ("OPEN", "RESOLVED"), ("RESOLVED", "OPEN"),
    ]  # fmt: skip


async def closed_case(service: RunningService, agent: Person, opener: Person, **fields: object) -> dict[str, Any]:
    case = await opener.open_case(**fields)
    changed = await patch(agent, case["ticket_id"], 1, status="CLOSED", team="orders")
    assert changed.status == 200
    assert isinstance(changed.body, dict)
    return changed.body


async def test_the_customers_words_on_a_closed_case_open_a_linked_one_with_its_customer_order_and_team(
    service: RunningService,
) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    fields = {"order_id": "o-1", "channel": "EMAIL", "priority": "HIGH", "language": "vi", "contact": {"a": "b"}}
    closed = await closed_case(service, agent, machine, **fields, metadata={"x": 1})
    answer = await machine.say(closed["ticket_id"], "It broke again.", on_behalf_of_customer=True)
    assert (answer.status, answer.body["number"], answer.body["author_type"]) == (201, 1, "CUSTOMER")
    linked_id = answer.body["ticket_id"]
    assert linked_id != closed["ticket_id"]
    assert answer.headers["location"] == f"{CASES}/{linked_id}"
    assert answer.headers["etag"] == '"1"'
    linked = await agent.get(f"{CASES}/{linked_id}")
    assert linked["linked_ticket_id"] == closed["ticket_id"]
    same = ("customer_id", "order_id", "channel", "subject", "priority", "language", "contact", "team")
    assert {name: linked[name] for name in same} == {name: closed[name] for name in same}
    assert (linked["status"], linked["assignee"], linked["metadata"]) == ("OPEN", None, None)
    assert [each["message"] for each in linked["conversation"]] == ["It broke again."]
    assert len(await conversation(agent, closed["ticket_id"])) == 1
    (opened,) = await rows(service, "SELECT type, data FROM event_log WHERE subject = $1", linked_id)
    assert (opened["type"], opened["data"]["linked_ticket_id"]) == ("support.case.opened", closed["ticket_id"])


async def test_the_customers_words_on_a_closed_case_are_kept_though_its_order_turned_out_to_be_anothers(
    service: RunningService,
) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    closed = await closed_case(service, agent, machine, order_id="o-5")
    await service.shop.add(every_fact("o-5", "c-2"))

    async def learnt() -> bool:
        return await count(service, "order_subjects WHERE order_id = 'o-5' AND customer_id = 'c-2'") == 1

    await eventually(learnt)
    answer = await machine.say(closed["ticket_id"], "Hello?", on_behalf_of_customer=True)
    assert answer.status == 201
    linked = await agent.get(f"{CASES}/{answer.body['ticket_id']}")
    assert (linked["customer_id"], linked["order_id"]) == ("c-1", None)


async def test_opening_and_linking_wait_for_nothing_that_is_being_stored_about_the_customer_nor_the_other_way_round(
    service: RunningService,
) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    ticket_id = (await closed_case(service, agent, machine))["ticket_id"]
    nothing = StoredSource((), "lake", None)
    async with asyncio.timeout(5), service.worker.database.transaction() as storing:
        await service.worker.directory.lock_customers(storing, ["c-1"])
        assert (await machine.say(ticket_id, "Hello?", on_behalf_of_customer=True)).status == 201
        await agent.open_case()
        async with service.api.database.transaction() as changing:
            await cases.store.ticket(changing, UUID(ticket_id), lock=True)
            await context.store.put_context(
                storing, UUID(ticket_id), "order", customer_id="c-1", order_id=None, live=True, stored=nothing
            )


async def test_nobody_replies_on_a_closed_case_but_a_note_can_be_left(service: RunningService) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    ticket_id = (await closed_case(service, agent, machine))["ticket_id"]
    assert problem(await agent.say(ticket_id, "reply")) == (409, "case-closed")
    assert problem(await machine.say(ticket_id, "bot")) == (409, "case-closed")
    assert (await agent.say(ticket_id, "note", internal=True)).status == 201
    case = await agent.get(f"{CASES}/{ticket_id}")
    assert (case["status"], [each["internal"] for each in case["conversation"]]) == ("CLOSED", [False, True])
    assert await count(service, "support_tickets") == 1


async def test_further_words_on_the_closed_case_stand_in_the_case_that_goes_on_from_it_until_that_is_closed_too(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case()
    assert (await patch(agent, case["ticket_id"], 1, status="CLOSED")).status == 200
    first = await agent.say(case["ticket_id"], "It broke again.", on_behalf_of_customer=True)
    second = await agent.say(case["ticket_id"], "And again.", on_behalf_of_customer=True)
    assert second.body["ticket_id"] == first.body["ticket_id"]
    assert second.body["number"] == 2
    assert (await patch(agent, first.body["ticket_id"], 2, status="CLOSED")).status == 200
    third = await agent.say(case["ticket_id"], "Once more.", on_behalf_of_customer=True)
    assert third.body["ticket_id"] not in {case["ticket_id"], first.body["ticket_id"]}
