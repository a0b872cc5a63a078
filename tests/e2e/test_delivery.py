"""Replies on their way to the customer: who is asked to bring them, what is reported of them, and what agents see of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from support.api import CASES, count, patch, pointers, problem, rows
from support.service import Answer, Person, RunningService, another_api
from support.stream import listening

WAITING = "/support/deliveries"
EARLIER = datetime(2026, 6, 1, 12, tzinfo=UTC)
READS = ["", "?includeTimeline=true"]


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


@pytest.fixture
def gateway(service: RunningService) -> Person:
    return service.person("SERVICE", subject="gateway")


async def reply_in(gateway: Person, agent: Person, **fields: object) -> tuple[str, str]:
    """A case that the gateway opened, and an agent's reply in it: their ids."""
    ticket_id = (await gateway.open_case(**fields))["ticket_id"]
    return ticket_id, await reply(agent, ticket_id)


async def reply(agent: Person, ticket_id: str, words: str = "It comes tomorrow.") -> str:
    answer = await agent.say(ticket_id, words)
    assert answer.status == 201, answer
    return str(answer.body["conversation_id"])


async def report(gateway: Person, ids: tuple[str, str], state: str, minute: int = 0, **fields: object) -> Answer:
    path = f"{CASES}/{ids[0]}/messages/{ids[1]}/delivery"
    at = (EARLIER + timedelta(minutes=minute)).isoformat()
    reason = {"reason": "bounced"} if state == "failed" else {}
    return await gateway.ask("PUT", path, {"state": state, "reported_at": at} | reason | fields)


async def shown(person: Person, ids: tuple[str, str], query: str = "") -> Any:
    """What a reader of the case sees of a reply's delivery."""
    case = await person.get(f"{CASES}/{ids[0]}{query}")
    listed = (await person.get(f"{CASES}/{ids[0]}/messages"))["items"]
    (seen,) = [each["delivery"] for each in case["conversation"] if each["conversation_id"] == ids[1]]
    (also,) = [each["delivery"] for each in listed if each["conversation_id"] == ids[1]]
    assert seen == also
    return seen


async def waiting(gateway: Person, query: str = "") -> list[str]:
    return [item["conversation_id"] for item in (await gateway.get(WAITING + query))["items"]]


async def test_a_reply_waits_for_who_opened_its_case_with_all_that_it_takes_to_bring_it(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    fields = {
        "channel": "EMAIL",
        "language": "vi",
        "contact": {"email": "a@b.example"},
        "metadata": {"message_id": "m"},
    }
    ids = await reply_in(gateway, agent, **fields)
    second = await reply(agent, ids[0], "Và đây là mã vận đơn.")
    answer = await agent.say(ids[0], "third")
    assert answer.body["delivery"] == {"state": "queued", "reason": None, "reported_at": None}
    items = (await gateway.get(WAITING))["items"]
    assert [item["conversation_id"] for item in items] == [ids[1], second, answer.body["conversation_id"]]
    case = await gateway.get(f"{CASES}/{ids[0]}")
    expected = {
        name: case[name]
        for name in ("ticket_id", "reference", "channel", "subject", "customer_id", "contact", "language", "metadata")
    }
    assert {name: items[1][name] for name in expected} == expected
    assert (items[1]["message"], items[1]["number"], items[1]["earlier"]) == ("Và đây là mã vận đơn.", 3, [ids[1]])
    assert items[2]["earlier"] == [ids[1], second]
    assert case["carrier"] == case["opened_by"]


async def test_no_carrier_is_asked_to_bring_what_another_one_does_and_pages_have_each_once(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    other = service.person("SERVICE")
    ids = await reply_in(gateway, agent)
    replies = [ids[1], *[await reply(agent, ids[0]) for _ in range(4)]]
    assert await waiting(other) == []
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await gateway.get(f"{WAITING}?limit=2{cursor and f'&cursor={cursor}'}")
        found += [item["conversation_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert found == replies
    assert problem(await gateway.ask("GET", f"{WAITING}?cursor=x")) == (422, "invalid-cursor")
    assert pointers(await gateway.ask("GET", f"{WAITING}?state=lost")) == ["state"]


async def test_of_notes_customers_words_bots_and_cases_that_a_person_opened_nothing_is_to_be_brought(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ticket_id = (await gateway.open_case())["ticket_id"]
    said = [
        await agent.say(ticket_id, "a note", internal=True),
        await gateway.say(ticket_id, "Hello?", on_behalf_of_customer=True),
        await gateway.say(ticket_id, "We have your mail."),
    ]
    by_phone = await agent.open_case(channel="PHONE")
    said.append(await agent.say(by_phone["ticket_id"], "It comes tomorrow."))
    assert [answer.body["delivery"] for answer in said] == [None] * 4
    assert await waiting(gateway) == []
    assert (await agent.get(f"{CASES}/{by_phone['ticket_id']}"))["carrier"] is None
    for answer in said[:3]:
        refused = await report(gateway, (ticket_id, answer.body["conversation_id"]), "sent")
        assert problem(refused) == (404, "reply-not-found")
    elsewhere = (await gateway.open_case(), await reply_in(gateway, agent))
    assert problem(await report(gateway, (elsewhere[0]["ticket_id"], elsewhere[1][1]), "sent")) == (
        404,
        "reply-not-found",
    )
    assert problem(await report(gateway, (str(uuid4()), elsewhere[1][1]), "sent")) == (404, "case-not-found")


async def test_what_is_reported_is_shown_and_leaves_the_queue(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    for minute, (state, reason) in enumerate(
        [("sent", None), ("failed", "mailbox_full"), ("sent", None), ("delivered", None)]
    ):
        fields = {"reason": reason} if reason else {}
        answer = await report(gateway, ids, state, minute, provider_id="<a@b>", **fields)
        assert (answer.status, answer.body["state"], answer.body["provider_id"]) == (200, state, "<a@b>")
        at = (EARLIER + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")
        for query in READS:
            assert await shown(agent, ids, query) == {"state": state, "reason": reason, "reported_at": at}
        assert await waiting(gateway) == []
        assert await waiting(gateway, f"?state={state}") == [ids[1]]


async def test_reports_that_come_doubled_or_late_change_nothing_and_their_answer_says_what_stands(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    assert (await report(gateway, ids, "failed", 2)).body["state"] == "failed"
    etag = (await agent.ask("GET", f"{CASES}/{ids[0]}")).headers["etag"]
    for state, minute in (("failed", 2), ("sent", 1), ("failed", 0)):
        assert (await report(gateway, ids, state, minute)).body["state"] == "failed"
    assert (await agent.ask("GET", f"{CASES}/{ids[0]}")).headers["etag"] == etag
    assert await count(service, "event_log WHERE type = 'support.case.delivery.changed'") == 1
    assert await count(service, "support_agent_activity WHERE action = 'delivery.reported'") == 1


async def test_reports_at_the_same_moment_end_as_one_after_the_other_would(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    told = [("sent", 1), ("failed", 2), ("sent", 3), ("delivered", 4), ("sent", 5), ("failed", 6)] * 3
    answers = await asyncio.gather(*(report(gateway, ids, *one) for one in told))
    assert {answer.status for answer in answers} == {200}
    assert (await shown(agent, ids))["state"] == "delivered"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"state": "queued"}, ""),
        ({"state": "lost"}, "/state"),
        ({"state": "sent", "reason": "bounced"}, ""),
        ({"state": "failed"}, ""),
        ({"state": "failed", "reason": "550 5.1.1 <a@b.example> unknown"}, "/reason"),
        ({"state": "sent", "reported_at": "2026-06-01T12:00:00"}, "/reported_at"),
        ({"state": "sent", "reported_at": None}, "/reported_at"),
        ({"state": "sent", "provider_id": "x" * 256}, "/provider_id"),
        ({"state": "sent", "provider_id": "a b"}, "/provider_id"),
        ({"state": "sent", "words": "mailbox of a@b.example is full"}, "/words"),
    ],
)
async def test_a_report_that_is_none_is_refused_with_its_place(
    service: RunningService, agent: Person, gateway: Person, wrong: dict[str, object], pointer: str
) -> None:
    ids = await reply_in(gateway, agent)
    path = f"{CASES}/{ids[0]}/messages/{ids[1]}/delivery"
    answer = await gateway.ask("PUT", path, {"reported_at": EARLIER.isoformat()} | wrong)
    assert pointers(answer) == [pointer]
    assert (await shown(agent, ids))["state"] == "queued"


async def test_a_report_from_the_future_is_refused_as_it_would_silence_those_that_follow(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    soon, later = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (4, 6))
    assert problem(await report(gateway, ids, "sent", reported_at=later.isoformat())) == (422, "report-from-the-future")
    assert (await report(gateway, ids, "sent", reported_at=soon.isoformat())).status == 200


@pytest.mark.parametrize("query", READS)
async def test_after_a_report_no_process_shows_what_stood_before_it(
    service: RunningService, agent: Person, gateway: Person, query: str
) -> None:
    ids = await reply_in(gateway, agent)
    path = f"{CASES}/{ids[0]}{query}"
    async with another_api(service) as url:
        readers = [agent, Person(service.session, url, agent.token)]
        before = [await reader.ask("GET", path) for reader in readers for _ in range(3)][-1]
        await report(gateway, ids, "sent")
        for reader in readers:
            after = await reader.ask("GET", path, if_none_match=before.headers["etag"])
            assert after.status == 200
            assert after.body["conversation"][-1]["delivery"]["state"] == "sent"
            assert after.headers["etag"] != before.headers["etag"]
            known = await reader.ask("GET", path, if_none_match=after.headers["etag"])
            assert known.status == 304


async def test_a_report_is_nobodys_writing_an_agent_goes_on_with_what_they_had_read(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    path = f"{CASES}/{ids[0]}"
    before = await agent.ask("GET", path + "?includeTimeline=true")
    for minute, state in enumerate(("sent", "delivered")):
        await report(gateway, ids, state, minute)
    after = await agent.ask("GET", path + "?includeTimeline=true")
    for name in ("version", "updated_at", "status", "awaiting_since"):
        assert after.body[name] == before.body[name]
    assert (await agent.say(ids[0], "One thing more.", seen_through=ids[1])).status == 201
    current = (await agent.get(path))["version"]
    changed = await agent.ask("PATCH", path, {"status": "PENDING"}, if_match=after.headers["etag"])
    assert problem(changed) == (412, "case-changed"), "the second reply is a change"
    with_reports = (await agent.ask("GET", path + "?includeTimeline=true")).headers["etag"]
    assert with_reports.startswith(f'"{current}-2-')
    assert (await agent.ask("PATCH", path, {"status": "PENDING"}, if_match=with_reports)).status == 200


@pytest.mark.parametrize(
    ("status", "then"), [("PENDING", "OPEN"), ("RESOLVED", "OPEN"), ("ON_HOLD", "ON_HOLD"), ("CLOSED", "CLOSED")]
)
async def test_a_failure_opens_a_case_again_that_waits_for_a_customer_who_was_never_answered(
    service: RunningService, agent: Person, gateway: Person, status: str, then: str
) -> None:
    ids = await reply_in(gateway, agent)
    opened = (await agent.get(f"{CASES}/{ids[0]}"))["created_at"]
    settled = (await patch(agent, ids[0], 2, status=status)).body
    await report(gateway, ids, "failed", 1)
    case = await agent.get(f"{CASES}/{ids[0]}")
    assert case["status"] == then
    if status == "CLOSED":
        assert case["version"] == settled["version"]
        assert case["awaiting_since"] is None
    else:
        assert (case["resolved_at"], case["awaiting_since"]) == (None, opened)
        assert problem(await patch(agent, ids[0], settled["version"], priority="HIGH")) == (412, "case-changed")
    assert await shown(agent, ids) == {"state": "failed", "reason": "bounced", "reported_at": "2026-06-01T12:01:00Z"}


async def test_a_customer_waits_again_only_until_a_later_reply_or_a_second_try_reaches_them(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    async def waits() -> bool:
        return (await agent.get(f"{CASES}/{ids[0]}"))["awaiting_since"] is not None

    ids = await reply_in(gateway, agent)
    await report(gateway, ids, "failed", 1)
    assert await waits()
    await report(gateway, ids, "sent", 2)
    assert not await waits()
    later = await reply(agent, ids[0])
    await report(gateway, ids, "failed", 3)
    assert not await waits()
    await report(gateway, (ids[0], later), "failed", 3)
    assert await waits()


async def test_who_resolves_a_case_knowing_of_the_failure_is_not_told_again_by_its_echo(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    await report(gateway, ids, "failed", 1)
    version = (await agent.get(f"{CASES}/{ids[0]}"))["version"]
    await patch(agent, ids[0], version, status="RESOLVED")
    await report(gateway, ids, "failed", 2, reason="expired")
    case = await agent.get(f"{CASES}/{ids[0]}")
    assert (case["status"], case["conversation"][-1]["delivery"]["reason"]) == ("RESOLVED", "expired")


async def test_the_stream_and_the_log_tell_of_it_in_codes(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    await patch(agent, ids[0], 2, team="orders")
    async with listening(agent) as stream:
        await report(gateway, ids, "failed", 1, reason="unknown_address", provider_id="<a@b>")
        while (told := await stream.next()).name != "delivery.changed":
            """What was written before is told late at times."""
    assert told.data == {
        "ticket_ids": [ids[0]], "conversation_id": ids[1], "number": 2, "state": "failed", "reason": "unknown_address",
        "assignee": None,
    }  # fmt: skip
    (row,) = await rows(service, "SELECT data FROM event_log WHERE type = 'support.case.delivery.changed'")
    assert set(row["data"]) == {
        "ticket_id",
        "conversation_id",
        "number",
        "state",
        "reason",
        "reported_at",
        "assignee",
        "team",
    }


async def test_an_analyst_sees_how_it_stands_and_no_words(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    await report(gateway, ids, "sent")
    assert (await shown(service.person("ANALYST"), ids))["state"] == "sent"


async def test_the_cases_with_a_reply_that_failed_can_be_listed(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids, other = await reply_in(gateway, agent), await reply_in(gateway, agent)
    await report(gateway, ids, "failed", 1)
    await report(gateway, other, "sent", 1)
    found = (await agent.get(f"{CASES}?undelivered=true"))["items"]
    assert [case["ticket_id"] for case in found] == [ids[0]]
    for query in ("status=OPEN", "team=orders", "status=CLOSED"):
        narrowed = (await agent.get(f"{CASES}?undelivered=true&{query}"))["items"]
        assert len(narrowed) == (query == "status=OPEN")
    assert (await service.person("SERVICE").get(f"{CASES}?undelivered=true"))["items"] == []
    assert len((await service.person("SUPERVISOR").get(f"{CASES}?undelivered=true"))["items"]) == 1
    assert len((await agent.get(CASES))["items"]) == 2


async def test_operators_see_how_long_the_reply_waits_that_waits_longest(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    ids = await reply_in(gateway, agent)
    await rows(service, "UPDATE support_conversations SET created_at = now() - interval '1 hour' RETURNING number")

    async def gauge() -> float:
        await service.worker.measure()
        return REGISTRY.get_sample_value("support_reply_queued_seconds") or 0.0

    assert 3600 <= await gauge() < 3700
    await report(gateway, ids, "sent")
    assert await gauge() == 0


async def test_who_opened_a_case_counts_not_who_speaks_in_it(
    service: RunningService, agent: Person, gateway: Person
) -> None:
    """An agent's record of a customer's words in a closed case goes on in a case that nobody delivers for."""
    ids = await reply_in(gateway, agent)
    assert (await patch(agent, ids[0], 2, status="CLOSED")).status == 200
    by_agent = (await agent.say(ids[0], "She called.", on_behalf_of_customer=True)).body["ticket_id"]
    assert (await agent.say(by_agent, "Hello")).body["delivery"] is None
    assert (await agent.get(f"{CASES}/{by_agent}"))["carrier"] is None
    again = await reply_in(gateway, agent)
    assert (await patch(agent, again[0], 2, status="CLOSED")).status == 200
    by_gateway = (await gateway.say(again[0], "And now?", on_behalf_of_customer=True)).body["ticket_id"]
    assert (await agent.say(by_gateway, "Hello")).body["delivery"]["state"] == "queued"
    assert (await agent.get(f"{CASES}/{by_gateway}"))["carrier"] == (await gateway.get(f"{CASES}/{again[0]}"))[
        "opened_by"
    ]
