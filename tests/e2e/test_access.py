"""Who may do what over HTTP: every route for every caller, as docs/access.md says it, and what is written down of it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.api import CASES, agent_id, count, patch, problem, rows, send
from support.service import Person, RunningService, eventually
from support.shop import every_fact
from support_service.ports.events import Record

MATRIX = Path(__file__).parents[2] / "docs" / "access.md"
ROLES = ("AGENT", "SUPERVISOR", "ANALYST", "SERVICE")


def permitted() -> dict[str, set[str]]:
    """The roles that may do each action, as the document has it."""
    table = re.findall(
        r"^\| `([a-z_.]+)` \| [^|]+ \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", MATRIX.read_text(), re.MULTILINE
    )
    return {
        action: {role for role, word in zip(ROLES, words, strict=True) if word == "yes"} for action, *words in table
    }


HOOKS = "/support/webhooks"
MESSAGE = {"message": "Hello"}
ROUTES: dict[str, tuple[str, str, Any, dict[str, str], int]] = {
    # name: method, path, body, the action each kind of caller needs ("": all others), status when all is well
    "open": ("POST", CASES, {"customer_id": "c", "channel": "API", "subject": "s", "description": "d"},
             {"": "case.open"}, 201),
    "list": ("GET", CASES, None, {"": "case.list"}, 200),
    "list of a customer": ("GET", f"{CASES}?customer_id=c-1", None, {"": "filter.by_customer"}, 200),
    "read": ("GET", CASES + "/{case}", None, {"": "case.read"}, 200),
    "read with timeline": ("GET", CASES + "/{case}?includeTimeline=true", None, {"": "timeline.read"}, 200),
    "messages": ("GET", CASES + "/{case}/messages", None, {"": "case.read"}, 200),
    "timeline": ("GET", CASES + "/{case}/timeline", None, {"": "timeline.read"}, 200),
    "change": ("PATCH", CASES + "/{case}", {}, {"": "case.edit"}, 200),
    "say": ("POST", CASES + "/{talk}/messages", MESSAGE, {"": "message.as_agent", "SERVICE": "message.as_bot"}, 201),
    "note": ("POST", CASES + "/{talk}/messages", MESSAGE | {"internal": True},
             {"": "message.as_agent", "SERVICE": "message.as_bot"}, 201),
    "record": ("POST", CASES + "/{talk}/messages", MESSAGE | {"on_behalf_of_customer": True},
               {"": "message.as_customer"}, 201),
    "workload": ("GET", "/support/agents/{agent}/workload", None, {"": "workload.read"}, 200),
    "who am I": ("GET", "/support/agents/me", None, {"": "workload.read"}, 200),
    "dead letters": ("GET", "/support/dead-letters", None, {"": "dead_letter.read"}, 200),
    "dead letter": ("GET", "/support/dead-letters/{letter}", None, {"": "dead_letter.read"}, 200),
    "replay": ("POST", "/support/dead-letters/{letter}/replay", None, {"": "dead_letter.replay"}, 200),
    "webhooks": ("GET", HOOKS, None, {"": "webhook.read"}, 200),
    "webhook": ("GET", HOOKS + "/{hook}", None, {"": "webhook.read"}, 200),
    "deliveries": ("GET", HOOKS + "/{hook}/deliveries", None, {"": "webhook.read"}, 200),
    "make webhook": ("POST", HOOKS, {"url": "https://93.184.215.14/", "types": ["support.case.awaited.came"]},
                     {"": "webhook.edit"}, 201),
    "change webhook": ("PATCH", HOOKS + "/{hook}", {}, {"": "webhook.edit"}, 200),
    "new secret": ("POST", HOOKS + "/{hook_to_turn}/secret", None, {"": "webhook.edit"}, 200),
    "try webhook": ("POST", HOOKS + "/{hook}/test", None, {"": "webhook.edit"}, 202),
    "send failed again": ("POST", HOOKS + "/{hook}/deliveries/replay", {"since": "2026-01-01T00:00:00Z"},
                          {"": "webhook.edit"}, 202),
    "send again": ("POST", HOOKS + "/{hook}/deliveries/{delivery}/replay", None, {"": "webhook.edit"}, 202),
    "end webhook": ("DELETE", HOOKS + "/{hook_to_end}", None, {"": "webhook.edit"}, 204),
}  # fmt: skip
OF_A_CASE = [name for name, (_, path, *_) in ROUTES.items() if path.startswith(CASES + "/")]


@pytest.fixture
def people(service: RunningService) -> dict[str, Person]:
    return {
        "AGENT": service.person("AGENT", teams=("orders",)),
        "AGENT of another team": service.person("AGENT", teams=("payments",)),
        "SUPERVISOR": service.person("SUPERVISOR"),
        "ANALYST": service.person("ANALYST", teams=("orders",)),
        "SERVICE": service.person("SERVICE"),
        "SERVICE that opened them": service.person("SERVICE"),
    }


@pytest.fixture
async def places(service: RunningService, people: dict[str, Person]) -> dict[str, str]:
    """Two cases of the team orders, one only read, one also written in, an agent, a dead letter, and webhooks."""
    poison = Record("order.status.changed", 0, 1, None, b"no JSON", (), datetime.now(UTC))
    await service.worker.context.ingest([poison])
    (letter,) = await rows(service, "SELECT dead_letter_id FROM dead_letters")
    machine, agent = people["SERVICE that opened them"], people["AGENT"]
    case, talk = [(await machine.open_case(order_id="o-1"))["ticket_id"] for _ in range(2)]
    for ticket_id in (case, talk):
        assert (await patch(agent, ticket_id, 1, team="orders")).status == 200
    there = {"case": case, "talk": talk, "agent": await agent_id(agent), "letter": str(letter["dead_letter_id"])}
    return there | await _webhooks(service)


async def _webhooks(service: RunningService) -> dict[str, str]:
    """Three webhooks that are sent nothing but what is asked for, to an address that is refused, and a delivery."""
    made: dict[str, str] = {}
    async with service.api.database.connection() as connection:
        for name in ("hook", "hook_to_turn", "hook_to_end"):
            made[name] = str(uuid4())
            await connection.execute(
                "INSERT INTO support_webhooks (webhook_id, url, types, active, version, secret, from_position,"
                " created_by, created_at, updated_at) VALUES ($1, 'https://192.0.2.1/', '{none}', true, 2,"
                " 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 0, $1, now(), now())",
                made[name],
            )
        made["delivery"] = str(uuid4())
        await connection.execute(
            "INSERT INTO support_webhook_deliveries (delivery_id, webhook_id, event_id, type, body, status, created_at)"
            " VALUES ($1, $2, $1, 'support.case.closed', '{}', 'DELIVERED', now())",
            made["delivery"],
            made["hook"],
        )
    return made


async def ask(person: Person, name: str, places: dict[str, str]) -> Any:
    method, path, body, _, _ = ROUTES[name]
    headers = {"if_match": '"2"'} if method == "PATCH" else {}
    return await person.ask(method, path.format_map(places), body, **headers)


async def test_every_route_lets_in_whom_the_document_says_and_hides_what_is_out_of_sight(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    found, expected = {}, {}
    matrix = permitted()
    endless = {"stream.read"}  # its answer ends when its reader goes: tests/e2e/test_stream.py
    assert set(matrix) - endless == {action for *_, actions, _ in ROUTES.values() for action in actions.values()}
    for name, (_, path, _, actions, well) in ROUTES.items():
        for who, person in people.items():
            role = who.split()[0]
            found[name, who] = (await ask(person, name, places)).status
            hidden = who in {"AGENT of another team", "SERVICE"} and (name in OF_A_CASE or "{agent}" in path)
            allowed = role in matrix[actions.get(role, actions[""])]
            expected[name, who] = 403 if not allowed else 404 if hidden else well
    assert found == expected


async def test_without_a_token_that_proves_who_is_calling_every_route_is_401(
    service: RunningService, places: dict[str, str]
) -> None:
    def signed(lifetime: timedelta = timedelta(hours=1), **other: tuple[str, ...]) -> str:
        roles, teams = other.get("roles", ("SUPERVISOR",)), ("orders",)
        return service.issuer.token(subject="s", name="n", email="e", roles=roles, teams=teams, lifetime=lifetime)

    head, payload, _ = signed().split(".")
    strangers = {
        None: None,
        "garbage": "malformed",
        "a.b.c": "malformed",
        f"{head}.{payload}.{signed().rpartition('.')[2]}": "signature",
        signed(timedelta(hours=-1)): "expired",
    }
    for name, (method, path, *_) in ROUTES.items():
        for token, reason in strangers.items():
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            answer = await send(service, method, path.format_map(places), b"{}", **headers)
            kind = "token-missing" if token is None else "token-invalid"
            assert problem(answer) == (401, kind), (name, reason)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.body.get("reason") == reason, answer.body
    basic = await send(service, "GET", CASES, authorization="Basic YTpi")
    assert problem(basic) == (401, "token-missing")
    unreadable = await send(service, "GET", CASES, authorization=f"Bearer {signed(roles=('AGENT',))}é")
    assert problem(unreadable) == (401, "token-missing")
    nobody = await send(service, "GET", CASES, token=signed(roles=("customer",)))
    assert problem(nobody) == (403, "role-missing")
    assert await count(service, "support_agents WHERE subject = 's'") == 0


async def test_what_a_role_may_never_do_is_403_whether_or_not_the_case_is_there_and_whatever_else_is_wrong(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    nowhere = dict.fromkeys(places, str(uuid4()))
    no_ids = dict.fromkeys(places, "x")
    refused = 0
    for name, (method, path, *_) in ROUTES.items():
        for who in ("ANALYST", "SERVICE", "SERVICE that opened them"):
            there = await ask(people[who], name, places)
            if there.status != 403:
                continue
            refused += 1
            assert problem(there) == (403, "role-not-allowed")
            assert (await ask(people[who], name, nowhere)).body == there.body
            if "{" in path and "?" not in path:  # what a query asks for is known only with a readable id
                assert (await ask(people[who], name, no_ids)).body == there.body
            if "?" not in path:
                wrong = await people[who].ask(method, path.format_map(places), {"nope": 1})
                assert wrong.body == there.body
    assert refused == 19 + 2 * 18


async def test_a_case_out_of_sight_is_answered_to_the_letter_as_one_that_does_not_exist(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    nowhere = places | {"case": str(uuid4()), "talk": str(uuid4())}
    for name in OF_A_CASE:
        for who in ("AGENT of another team", "SERVICE"):
            hidden, absent = await ask(people[who], name, places), await ask(people[who], name, nowhere)
            if hidden.status == 403:
                continue
            assert problem(hidden) == (404, "case-not-found")
            assert hidden.body == absent.body
            assert set(hidden.headers) == set(absent.headers)
    for who in ("AGENT of another team", "SERVICE"):
        assert (await people[who].get(CASES))["items"] == []
        assert (await people[who].get(f"{CASES}?order_id=o-1&team=orders"))["items"] == []
    stranger = await people["AGENT"].ask("GET", f"/support/agents/{uuid4()}/workload")
    assert problem(stranger) == (404, "agent-not-found")


async def test_a_machine_reads_what_it_opened_wherever_that_goes_and_nothing_else(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    machine, other = people["SERVICE that opened them"], people["SERVICE"]
    own = (await other.open_case())["ticket_id"]
    of_no_team = (await service.person("AGENT").open_case())["ticket_id"]
    assert [case["ticket_id"] for case in (await machine.get(CASES))["items"]] == [places["talk"], places["case"]]
    assert [case["ticket_id"] for case in (await other.get(CASES))["items"]] == [own]
    assert problem(await machine.ask("GET", f"{CASES}/{of_no_team}")) == (404, "case-not-found")
    assert (await machine.get(f"{CASES}/{places['case']}"))["subject"] == "Where is it?"


async def test_refusals_are_written_down_at_once_with_who_what_and_which_case(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    async def last() -> dict[str, Any]:
        found = await rows(
            service,
            "SELECT a.action, a.ticket_id::text, a.detail, a.request_id, a.agent_id FROM support_agent_activity AS a"
            " WHERE action <> 'case.viewed' ORDER BY activity_id DESC LIMIT 1",
        )
        return found[0]

    analyst = await agent_id(people["ANALYST"])
    for name in ROUTES:
        for who in ("ANALYST", "SERVICE", "SERVICE that opened them", "AGENT of another team"):
            answer = await ask(people[who], name, places)
            if answer.status not in {403, 404} or "{agent}" in ROUTES[name][1]:
                continue
            written = await last()
            assert written["request_id"] == answer.headers["x-request-id"], (name, who)
            assert written["action"] == {403: "role.refused", 404: "case.out_of_sight"}[answer.status]
            asked_for = places["talk" if "{talk}" in ROUTES[name][1] else "case"] if name in OF_A_CASE else None
            assert written["ticket_id"] == asked_for, (name, who)
            assert written["detail"] == ({"needed": answer.body["action"]} if answer.status == 403 else {})
            assert (str(written["agent_id"]) == analyst) == (who == "ANALYST")
    nothing = await people["ANALYST"].ask("GET", f"{CASES}/{uuid4()}")
    assert nothing.status == 404
    assert (await last())["request_id"] != nothing.headers["x-request-id"], "what is not there cannot be withheld"


async def test_a_look_at_a_case_its_messages_or_its_timeline_is_written_down_once_a_minute(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    async def views() -> list[tuple[str, str, datetime]]:
        found = await rows(
            service,
            "SELECT agent_id::text, ticket_id::text, minute FROM support_agent_activity WHERE action = 'case.viewed'"
            " ORDER BY activity_id",
        )
        return [(row["agent_id"], row["ticket_id"], row["minute"]) for row in found]

    started = datetime.now(UTC).replace(second=0, microsecond=0)
    looks = {"AGENT": "messages", "ANALYST": "timeline", "SUPERVISOR": "read with timeline"}
    for who, name in looks.items():
        for _ in range(3):
            assert (await ask(people[who], name, places)).status == 200
    assert (await ask(people["AGENT of another team"], "read", places)).status == 404
    await people["AGENT"].get(CASES)

    async def all_written() -> bool:
        return len({agent for agent, *_ in await views()}) == len(looks)

    await eventually(all_written)
    await service.api.views.flush()
    seen = await views()
    assert {(agent, ticket_id) for agent, ticket_id, _ in seen} == {
        (await agent_id(people[who]), places["case"]) for who in looks
    }
    assert len(seen) == len(set(seen))
    assert {minute for *_, minute in seen} <= {started, started + timedelta(minutes=1)}


async def test_what_is_written_down_of_a_whole_case_holds_ids_and_codes_only(
    service: RunningService, people: dict[str, Person]
) -> None:
    agent = people["AGENT"]
    planted = {"subject": "PLANTED s", "description": "PLANTED d", "contact": {"a": "PLANTED c"}}
    ticket_id = (await agent.open_case(customer_id="PLANTED", **planted, metadata={"b": "PLANTED m"}))["ticket_id"]
    await agent.say(ticket_id, "PLANTED message")
    assert (await patch(agent, ticket_id, 2, subject="PLANTED", category="PLANTED", tags=["PLANTED"])).status == 200
    await agent.get(f"{CASES}/{ticket_id}")
    await people["AGENT of another team"].ask("GET", f"{CASES}/{ticket_id}?team=PLANTED")
    await people["ANALYST"].ask("GET", f"{CASES}?customer_id=PLANTED")
    await service.api.views.flush()
    written = await rows(service, "SELECT action, to_jsonb(a)::text AS row FROM support_agent_activity AS a")
    assert {row["action"] for row in written} == {
        "case.opened", "message.posted", "case.changed", "case.viewed", "role.refused",
    }  # fmt: skip
    assert not [row for row in written if "PLANTED" in row["row"]]


async def test_an_analyst_sees_no_personal_data_and_no_text_wherever_they_look(
    service: RunningService, people: dict[str, Person]
) -> None:
    await service.shop.add(every_fact("o-1", "PLANTED-c"))
    agent, analyst = people["AGENT"], people["ANALYST"]
    words = {"subject": "PLANTED s", "description": "PLANTED d", "contact": {"PLANTED k": "v"}}
    case = await agent.open_case(customer_id="PLANTED-c", order_id="o-1", **words, metadata={"k": "PLANTED m"})
    path = f"{CASES}/{case['ticket_id']}"
    assert (await patch(agent, case["ticket_id"], 1, tags=["PLANTED t"])).status == 200
    for fields in ({}, {"internal": True}, {"on_behalf_of_customer": True}):
        assert (await agent.say(case["ticket_id"], "PLANTED message", **fields)).status == 201
    of_the_shop = ("GN-1", "Rất tốt", "Đúng hẹn")  # a tracking number, a review's title and its words
    looks = [path, f"{path}?includeTimeline=true", f"{path}/messages", f"{path}/timeline", f"{path}/timeline?limit=99"]
    looks += [CASES, f"{CASES}?order_id=o-1", "/support/agents/me"]
    for look in (*looks, *looks):  # the second time from the cache
        seen = await analyst.ask("GET", look)
        assert seen.status == 200
        shown = f"{seen.body} {dict(seen.headers)}"
        assert not [word for word in ("PLANTED", *of_the_shop) if word in shown], look
    clear = str(await agent.get(f"{path}?includeTimeline=true"))
    assert all(
        word in clear for word in ("PLANTED s", "PLANTED d", "PLANTED k", "PLANTED m", "PLANTED t", *of_the_shop)
    )
    masked = await analyst.get(f"{path}?includeTimeline=true")
    assert {masked[name] for name in ("customer_id", "subject", "contact", "metadata")} == {None}
    assert {message["message"] for message in masked["conversation"]} == {None}
    assert len(masked["conversation"]) == 4
    assert len(masked["timeline"]["entries"]) == len((await agent.timeline(case["ticket_id"]))["entries"])


async def test_workload_counts_what_lies_unfinished_with_an_agent_and_how_long_a_customer_has_waited(
    service: RunningService, people: dict[str, Person], places: dict[str, str]
) -> None:
    agent, supervisor = people["AGENT"], people["SUPERVISOR"]
    path = f"/support/agents/{places['agent']}/workload"
    empty = {"open": 0, "by_status": {"OPEN": 0, "PENDING": 0, "ON_HOLD": 0}, "by_priority": {}}
    assert await agent.get(path) == {"agent_id": places["agent"], **empty, "oldest_wait_seconds": 0.0}
    given = [("OPEN", "HIGH"), ("OPEN", "LOW"), ("PENDING", "HIGH"), ("ON_HOLD", "URGENT"), ("RESOLVED", "LOW"),
             ("CLOSED", "LOW")]  # fmt: skip
    cases = [await supervisor.open_case(priority=priority) for _, priority in given]
    for case, (status, _) in zip(cases, given, strict=True):
        changes = {"assignee": places["agent"]} | ({} if status == "OPEN" else {"status": status})
        assert (await patch(supervisor, case["ticket_id"], 1, **changes)).status == 200
    assert (await agent.say(cases[0]["ticket_id"], "answered")).status == 201
    expected = {
        "agent_id": places["agent"],
        "open": 4,
        "by_status": {"OPEN": 2, "PENDING": 1, "ON_HOLD": 1},
        "by_priority": {"HIGH": 2, "LOW": 1, "URGENT": 1},
    }
    waiting_since = datetime.fromisoformat(cases[1]["awaiting_since"])
    for person in (agent, supervisor, people["ANALYST"]):
        before = (datetime.now(UTC) - waiting_since).total_seconds()
        found = await person.get(path)
        after = (datetime.now(UTC) - waiting_since).total_seconds()
        assert before - 0.001 <= found.pop("oldest_wait_seconds") <= after + 0.001
        assert found == expected
