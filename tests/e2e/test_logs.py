"""What the logs tell of a case, from the request to the follower and the enrichment, and what they never tell."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from support.api import CASES, agent_id, count, new_case, patch, rows, send
from support.lines import Lines, logged
from support.postgres import DatabaseDsns
from support.service import Person, RunningService, eventually
from support.shop import every_fact
from support_service.kit.database import Database

# Who and what must stay out of every line. The spaces and accents show a value that was only escaped.
CUSTOMER, NAME, EMAIL, PHONE = "PLANTED-customer", "Nguyễn PLANTED", "planted@example.com", "+84 PLANTED"
WORDS, SUBJECT, TRACKING, REVIEW = "PLANTED wörds", "PLANTED sübject", "PLANTED-TN", "PLANTED review"

REFUSING = ("support_conversations", "support_case_context", "support_timeline_events")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    with logged(monkeypatch) as found:
        yield found


@pytest.fixture
def agent(lines: Lines, service: RunningService) -> Person:
    token = service.issuer.token(subject="PLANTED subject", name=NAME, email=EMAIL, roles=("AGENT",), teams=("orders",))
    return Person(service.session, service.url, token)


def planted(**fields: object) -> dict[str, Any]:
    contact = {"name": NAME, "email": EMAIL, "phone": PHONE}
    return new_case(
        customer_id=CUSTOMER, subject=SUBJECT, description=WORDS, contact=contact, metadata=contact, **fields
    )


async def open_planted(agent: Person, order_id: str, request_id: str) -> str:
    answer = await agent.ask("POST", CASES, planted(order_id=order_id), x_request_id=request_id)
    assert answer.status == 201
    return str(answer.body["ticket_id"])


async def enriched(service: RunningService, ticket_id: str) -> None:
    async def check() -> bool:
        return await count(service, "support_case_context WHERE ticket_id = $1", ticket_id) == 5

    await eventually(check)


async def test_one_cases_lines_carry_its_id_from_the_request_to_the_follower_and_the_enrichment(
    service: RunningService, lines: Lines, agent: Person
) -> None:
    me = await agent_id(agent)
    ticket_id = await open_planted(agent, "o-1", "request-one")
    other = await open_planted(agent, "o-2", "request-two")
    await enriched(service, ticket_id)
    await enriched(service, other)

    async def told() -> bool:
        return "context.enriched" in lines.events(ticket_id=ticket_id)

    await eventually(told)
    whole = {"case.opened", "http.request", "context.enrichment_due", "context.enriched"}
    assert lines.events(ticket_id=ticket_id, request_id="request-one") == whole
    assert lines.events(request_id="request-one") == whole
    by_the_agent = lines.events(ticket_id=ticket_id, request_id="request-one", agent_id=me)
    assert by_the_agent >= {"case.opened", "http.request"}
    assert not lines.of(ticket_id=ticket_id, request_id="request-two")

    request_id = ""
    for method, path, body in (
        ("POST", f"{CASES}/{ticket_id}/messages", {"message": WORDS}),
        ("GET", f"{CASES}/{ticket_id}/messages", None),
        ("GET", f"{CASES}/{ticket_id}?includeTimeline=true", None),
        ("GET", f"{CASES}/{ticket_id}/timeline", None),
        ("PATCH", f"{CASES}/{ticket_id}", {"status": "CLOSED"}),
    ):
        answer = await agent.ask(method, path, body, if_match='"2"')
        request_id = answer.headers["x-request-id"]
        (line,) = lines.of(request_id=request_id, event="http.request")
        assert (line["ticket_id"], line["agent_id"], line["status"]) == (ticket_id, me, answer.status), method
    (activity,) = await rows(service, "SELECT request_id FROM support_agent_activity WHERE action = 'case.changed'")
    assert activity["request_id"] == request_id


async def test_a_whole_flow_logs_nothing_that_a_person_wrote_or_is_called(
    service: RunningService, lines: Lines, agent: Person
) -> None:
    marked = [_marked(fact) for fact in every_fact("o-1", CUSTOMER)]
    await service.shop.add(marked)
    ticket_id = await open_planted(agent, "o-1", "request-one")
    await open_planted(agent, "o-1", "request-two")
    await enriched(service, ticket_id)
    for fields in ({}, {"internal": True}, {"on_behalf_of_customer": True}):
        assert (await agent.say(ticket_id, WORDS, **fields)).status == 201
    changed = await patch(agent, ticket_id, 4, subject=f"{SUBJECT} 2", category="PLANTED", tags=["PLANTED"])
    assert changed.status == 200
    shown = await agent.get(f"{CASES}/{ticket_id}?includeTimeline=true")
    assert all(mark in str(shown) for mark in (CUSTOMER, WORDS, SUBJECT, EMAIL, PHONE, TRACKING, REVIEW))
    assert (await agent.get(f"{CASES}?customer_id={CUSTOMER}"))["items"]
    assert (await agent.ask("POST", CASES, planted(nope=WORDS, language=NAME))).status == 422
    assert (await agent.ask("POST", CASES, planted(), idempotency_key="PLANTED")).status == 201
    assert (await agent.ask("GET", f"{CASES}/PLANTED")).status == 422
    assert (await agent.ask("GET", f"/PLANTED?email={EMAIL}")).status == 404
    assert (await send(service, "POST", CASES, b'{"PLANTED', agent.token)).status == 400
    assert (await send(service, "GET", CASES, token="PLANTED.PLANTED.PLANTED")).status == 401
    assert (await agent.ask("GET", CASES, x_request_id="PLANTED no id")).status == 200
    analyst = service.person("ANALYST", subject="PLANTED analyst")
    assert (await analyst.ask("GET", f"{CASES}?customer_id={CUSTOMER}")).status == 403
    assert {"case.opened", "message.posted", "case.changed", "context.enriched", "access.denied"} <= lines.events()
    lines.assert_nothing_personal()


async def refuse(owner: Database) -> None:
    """Have the tables fail on every row, with all of it in the error."""
    async with owner.connection() as connection:
        await connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused %', NEW USING DETAIL = to_jsonb(NEW)::text, ERRCODE = 'XX001'; END $$"
        )
        for table in REFUSING:
            await connection.execute(
                f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
            )


async def refuse_no_more(owner: Database) -> None:
    async with owner.connection() as connection:
        for table in REFUSING:
            await connection.execute(f"DROP TRIGGER refuse ON {table}")


async def test_what_fails_is_logged_by_class_and_frames_without_the_values_it_failed_on(
    service: RunningService, lines: Lines, agent: Person, database_dsns: DatabaseDsns
) -> None:
    await agent.get(CASES)
    ticket_id = str((await agent.open_case(customer_id="c-1", order_id="o-9"))["ticket_id"])
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    await refuse(owner)
    refused = await agent.ask("POST", CASES, planted(order_id="o-1"), x_request_id="request-one")
    assert refused.status == 500
    assert "planted" not in str(refused.body).lower()
    assert (await agent.say(ticket_id, WORDS)).status == 500
    (line,) = lines.of(request_id="request-one", event="http.database_error")
    assert (line["sqlstate"], line["level"]) == ("XX001", "error")
    assert line["error"] == ["asyncpg.exceptions.DataCorruptedError"]
    assert line["frames"]
    assert lines.of(request_id="request-one", event="http.request", status=500)

    await service.shop.add([_marked(fact) for fact in every_fact("o-9", CUSTOMER)])
    await agent.ask("PATCH", f"{CASES}/{ticket_id}", {"order_id": "o-9", "subject": SUBJECT}, if_match='"1"')
    await service.shop.stop_lake()
    await service.stop_rest()
    assert (await agent.ask("GET", f"{CASES}/{ticket_id}/timeline")).status == 200

    async def everything_failed() -> bool:
        return {"intake.failed", "due.failed"} <= lines.events()

    await eventually(everything_failed)
    await refuse_no_more(owner)
    await owner.close()
    lines.assert_nothing_personal()
    assert all(isinstance(line, Mapping) for line in lines.all())


def _marked(fact: Any) -> Any:
    """A fact whose personal fields are planted."""
    marks = {"tracking_number": TRACKING, "title": f"{REVIEW} title", "comment": f"{REVIEW} words"}
    return replace(fact, details={name: marks.get(name, value) for name, value in fact.details.items()})
