"""Idempotency-Key: the same request sent again, also at the same time, has one effect and one answer."""

import asyncio

from support.api import CASES, count, new_case, patch, problem
from support.service import RunningService

KEY = "a key of the sender: 1"


async def test_thirty_posts_at_once_with_one_key_open_one_case_and_the_others_get_its_answer_or_are_told_to_wait(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    answers = await asyncio.gather(
        *(agent.ask("POST", CASES, new_case(order_id="o-1"), idempotency_key=KEY) for _ in range(30))
    )
    opened = [answer for answer in answers if answer.status == 201]
    waiting = [answer for answer in answers if answer.status != 201]
    assert opened
    assert all(problem(answer) == (409, "request-in-progress") for answer in waiting)
    effects = [answer for answer in opened if "idempotency-replayed" not in answer.headers]
    assert len(effects) == 1
    again = await agent.ask("POST", CASES, new_case(order_id="o-1"), idempotency_key=KEY)
    assert again.headers["idempotency-replayed"] == "true"
    for answer in [*opened, again]:
        assert (answer.status, answer.body) == (201, effects[0].body)
        assert {answer.headers[name] for name in ("location", "etag")} == {
            effects[0].headers["location"], '"1"',
        }  # fmt: skip
    ticket_id = effects[0].body["ticket_id"]
    assert await count(service, "support_tickets") == 1
    assert await count(service, "support_conversations") == 1
    assert await count(service, "event_log WHERE subject = $1", ticket_id) == 1
    assert await count(service, "support_agent_activity WHERE action = 'case.opened'") == 1
    assert await count(service, "idempotency_keys") == 1


async def test_a_key_repeats_the_answer_as_it_was_though_the_case_has_moved_on(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    first = await agent.ask("POST", CASES, new_case(), idempotency_key=KEY)
    assert (await patch(agent, first.body["ticket_id"], 1, status="CLOSED")).status == 200
    again = await agent.ask("POST", CASES, new_case(), idempotency_key=KEY)
    assert (again.status, again.body, again.headers["etag"]) == (201, first.body, '"1"')


async def test_a_key_with_another_payload_is_422_and_of_another_principal_is_another_key(
    service: RunningService,
) -> None:
    agent, colleague = service.person("AGENT", teams=("orders",)), service.person("AGENT", teams=("orders",))
    first = await agent.ask("POST", CASES, new_case(), idempotency_key=KEY)
    other = await agent.ask("POST", CASES, new_case(priority="HIGH"), idempotency_key=KEY)
    assert problem(other) == (422, "idempotency-key-reused")
    theirs = await colleague.ask("POST", CASES, new_case(), idempotency_key=KEY)
    assert theirs.status == 201
    assert "idempotency-replayed" not in theirs.headers
    assert theirs.body["ticket_id"] != first.body["ticket_id"]
    without = [await agent.ask("POST", CASES, new_case()) for _ in range(2)]
    assert len({answer.body["ticket_id"] for answer in without}) == 2
    assert await count(service, "support_tickets") == 4


async def test_a_key_counts_for_messages_too_and_there_for_one_case(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    ticket_id, other = [(await agent.open_case())["ticket_id"] for _ in range(2)]
    path = f"{CASES}/{ticket_id}/messages"

    answers = await asyncio.gather(
        *(agent.ask("POST", path, {"message": "Hello"}, idempotency_key=KEY) for _ in range(10))
    )
    told = {answer.body["conversation_id"] for answer in answers if answer.status == 201}
    assert len(told) == 1
    assert {problem(answer) for answer in answers if answer.status != 201} <= {(409, "request-in-progress")}
    replayed = await agent.ask("POST", path, {"message": "Hello"}, idempotency_key=KEY)
    assert (replayed.headers["idempotency-replayed"], replayed.headers["etag"]) == ("true", '"2"')
    assert {replayed.body["conversation_id"]} == told
    assert await count(service, "support_conversations WHERE number > 1") == 1
    assert await count(service, "event_log WHERE type = 'support.case.message.posted'") == 1
    assert await count(service, "support_agent_activity WHERE action = 'message.posted'") == 1
    elsewhere = await agent.ask("POST", f"{CASES}/{other}/messages", {"message": "Hello"}, idempotency_key=KEY)
    assert problem(elsewhere) == (422, "idempotency-key-reused")
    assert (await agent.ask("POST", CASES, new_case(), idempotency_key=KEY)).status == 201, "another route"


async def test_a_refusal_is_not_kept_under_its_key_so_that_the_mended_request_goes_through(
    service: RunningService,
) -> None:
    agent, machine = service.person("AGENT", teams=("orders",)), service.person("SERVICE")
    ticket_id = (await machine.open_case())["ticket_id"]
    assert (await patch(agent, ticket_id, 1, status="CLOSED")).status == 200
    path = f"{CASES}/{ticket_id}/messages"
    refused = await machine.ask("POST", path, {"message": "Hello"}, idempotency_key=KEY)
    assert problem(refused) == (409, "case-closed")
    mended = {"message": "Hello", "on_behalf_of_customer": True}
    answers = [await machine.ask("POST", path, mended, idempotency_key=KEY) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert await count(service, "support_tickets WHERE linked_ticket_id = $1", ticket_id) == 1


async def test_a_key_that_cannot_be_read_is_422_and_has_no_effect(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    for key in ("", "x" * 256, "a\tb", "clé"):
        refused = await agent.ask("POST", CASES, new_case(), idempotency_key=key)
        assert problem(refused) == (422, "idempotency-key-unreadable")
    assert await count(service, "support_tickets") == 0
    assert (await agent.ask("POST", CASES, new_case(), idempotency_key="x" * 255)).status == 201
