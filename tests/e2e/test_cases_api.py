"""Opening and changing cases: every field, the versions, the state machine, who may be given a case, another order."""

from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from support.api import CASES, agent_id, count, new_case, patch, pointers, problem, rows
from support.service import Person, RunningService, eventually
from support.shop import every_fact
from support_service.context import ENRICH
from support_service.kit.due import Due

EVERY_FIELD = {
    "customer_id": "c-7",
    "order_id": "o-7",
    "channel": "CHAT",
    "subject": "Đơn hàng ở đâu?",
    "description": "Tôi chưa nhận được hàng 👍.",
    "priority": "HIGH",
    "language": "vi",
    "contact": {"email": "lan@example.com", "phones": ["+84 90"]},
    "metadata": {"page": {"url": "/orders", "scroll": 0.5, "new": True, "ref": None}},
}


async def test_a_case_keeps_every_field_it_is_opened_with_and_is_answered_201_with_its_place_and_version(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    opened = await agent.ask("POST", CASES, EVERY_FIELD)
    assert opened.status == 201
    assert opened.headers["location"] == f"{CASES}/{opened.body['ticket_id']}"
    assert opened.headers["etag"] == '"1"'
    assert opened.headers["content-type"] == "application/json"
    assert opened.headers["cache-control"] == "no-store"
    read = await agent.ask("GET", opened.headers["location"])
    assert read.headers["etag"] == '"1"'
    conversation = read.body.pop("conversation")
    assert read.body.pop("older_messages") is False
    assert read.body.pop("carrier") is None  # a person opened it
    assert read.body == opened.body
    given = {name: value for name, value in EVERY_FIELD.items() if name != "description"}
    assert {name: read.body[name] for name in given} == given
    (first,) = conversation
    me = await agent_id(agent)
    assert (first["number"], first["message"], first["author_type"]) == (1, EVERY_FIELD["description"], "CUSTOMER")
    assert (first["author_id"], first["recorded_by"], read.body["opened_by"]) == (me, me, me)
    assert read.body["awaiting_since"] == read.body["created_at"] == first["created_at"]


async def test_what_a_case_is_not_given_has_a_plain_default(service: RunningService) -> None:
    case = await service.person("AGENT", teams=("orders",)).open_case()
    expected = {"priority": "NORMAL", "status": "OPEN", "team": "orders", "tags": [], "version": 1}
    expected |= dict.fromkeys(("order_id", "category", "assignee", "language", "contact", "metadata"))
    expected |= dict.fromkeys(("first_responded_at", "next_due_at", "linked_ticket_id", "resolved_at", "closed_at"))
    assert {name: case[name] for name in expected} == expected
    of_two_teams = await service.person("AGENT", teams=("orders", "payments")).open_case()
    machines = await service.person("SERVICE").open_case()
    assert (of_two_teams["team"], machines["team"]) == (None, None)
    numbers = [int(each["reference"].removeprefix("S-")) for each in (case, of_two_teams, machines)]
    assert numbers == sorted(set(numbers))


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"nope": 1, "status": "OPEN"}, ["/nope", "/status"]),
    ({"customer_id": None}, ["/customer_id"]),
    ({"customer_id": "c 1", "order_id": "-o", "subject": " ", "description": ""},
     ["/customer_id", "/description", "/order_id", "/subject"]),
    ({"customer_id": "c" * 129, "subject": "s" * 201, "description": "d" * 20_001},
     ["/customer_id", "/description", "/subject"]),
    ({"customer_id": "c-1\n", "subject": 5, "description": ["x"]}, ["/customer_id", "/description", "/subject"]),
    ({"channel": "FAX", "priority": "high", "language": "english!"}, ["/channel", "/language", "/priority"]),
    ({"channel": None, "priority": None}, ["/channel", "/priority"]),
    ({"contact": [], "metadata": "x"}, ["/contact", "/metadata"]),
    ({"subject": "a\0b", "description": "\0", "order_id": "o\0"}, ["/description", "/order_id", "/subject"]),
    ({"contact": {"a": "\0"}, "metadata": {"b\0": 1}}, ["/contact", "/metadata"]),
    ({"contact": {"a": ["\ud800"]}, "metadata": {"\udfff": 1}}, ["/contact", "/metadata"]),
    ({"subject": "\ud800"}, ["/subject"]),
    ({"contact": {"a": [[[[[[1]]]]]]}, "metadata": {"a": "x" * 16_400}}, ["/contact", "/metadata"]),
]  # fmt: skip


async def test_a_case_with_unknown_wrong_or_missing_fields_is_refused_by_their_names_and_nothing_is_stored(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    assert pointers(await agent.ask("POST", CASES, {})) == ["/channel", "/customer_id", "/description", "/subject"]
    for fields, expected in WRONG:
        refused = await agent.ask("POST", CASES, new_case(**fields))
        assert pointers(refused) == expected, fields
    for table in ("support_tickets", "support_conversations", "support_customers", "event_log", "idempotency_keys"):
        assert await count(service, table) == 0, table
    assert await count(service, "support_agent_activity") == 0


async def test_a_change_must_say_which_version_it_changes_and_that_must_be_the_one_there(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case()
    path = f"{CASES}/{case['ticket_id']}"
    change = {"priority": "HIGH"}
    assert problem(await agent.ask("PATCH", path, change)) == (428, "version-required")
    for malformed in ("1", "*", '"x"', '"1", "2"', '"-1"', '""', '"1'):
        assert problem(await agent.ask("PATCH", path, change, if_match=malformed)) == (422, "version-unreadable")
    for stale in (0, 2, 10**17):
        assert problem(await patch(agent, case["ticket_id"], stale, **change)) == (412, "case-changed")
    assert await count(service, "support_tickets WHERE version = 1 AND priority = 'NORMAL'") == 1
    changed = await patch(agent, case["ticket_id"], 1, **change)
    assert (changed.status, changed.headers["etag"], changed.body["version"]) == (200, '"2"', 2)
    assert problem(await patch(agent, case["ticket_id"], 1, **change)) == (412, "case-changed")
    weak = await agent.ask("PATCH", path, {"priority": "LOW"}, if_match='W/"2"')
    assert (weak.status, weak.headers["etag"]) == (200, '"3"')


async def test_a_change_sets_the_fields_it_names_clears_with_null_and_leaves_the_others(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders", "payments"))
    case = await agent.open_case(order_id="o-1", language="en")
    ticket_id = case["ticket_id"]
    fields = {"priority": "URGENT", "team": "payments", "subject": "New", "category": "late", "language": "vi"}
    changed = (await patch(agent, ticket_id, 1, **fields, tags=["b", "a", "b"])).body
    assert {name: changed[name] for name in fields} == fields
    assert (changed["tags"], changed["order_id"]) == (["b", "a"], "o-1")
    cleared = dict.fromkeys(("team", "category", "language", "order_id"))
    changed = (await patch(agent, ticket_id, 2, **cleared, tags=[])).body
    assert {name: changed[name] for name in cleared} == cleared
    assert (changed["tags"], changed["subject"], changed["version"]) == ([], "New", 3)
    wrong = await patch(agent, ticket_id, 3, status=None, subject="", tags=["x"] * 21, customer_id="c-2", reference="S")
    assert pointers(wrong) == ["/customer_id", "/reference", "/status", "/subject", "/tags"]
    assert pointers(await patch(agent, ticket_id, 3, category="\0", assignee="me")) == ["/assignee", "/category"]


async def test_a_change_that_changes_nothing_keeps_the_version_and_writes_nothing(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case())["ticket_id"]
    same: dict[str, object] = {"status": "OPEN", "team": "orders", "tags": [], "assignee": None}
    for nothing in ({}, same):
        answer = await patch(agent, ticket_id, 1, **nothing)
        assert (answer.status, answer.headers["etag"], answer.body["version"]) == (200, '"1"', 1)
    assert await count(service, "support_agent_activity WHERE action = 'case.changed'") == 0
    assert await count(service, "event_log WHERE subject = $1", ticket_id) == 1


LIVE = ("OPEN", "PENDING", "ON_HOLD")
ALLOWED = {(a, b) for a, b in product(LIVE, (*LIVE, "RESOLVED", "CLOSED")) if a != b}
ALLOWED |= {("RESOLVED", "OPEN"), ("RESOLVED", "CLOSED")}


async def test_a_case_moves_along_the_state_machine_and_every_other_move_is_409(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    for start, end in product((*LIVE, "RESOLVED", "CLOSED"), repeat=2):
        ticket_id = (await agent.open_case())["ticket_id"]
        if start != "OPEN":
            assert (await patch(agent, ticket_id, 1, status=start)).status == 200
        version = 1 if start == "OPEN" else 2
        moved = await patch(agent, ticket_id, version, status=end)
        if (start, end) in ALLOWED:
            assert (moved.status, moved.body["status"], moved.body["version"]) == (200, end, version + 1)
            assert (moved.body["resolved_at"] is not None) == (end in {"RESOLVED", "CLOSED"})
            assert (moved.body["closed_at"] is not None) == (end == "CLOSED")
            assert "support.case.status.changed" in await _events(service, ticket_id)
            assert ("support.case.closed" in await _events(service, ticket_id)) == (end == "CLOSED")
        elif start == end:
            assert (moved.status, moved.body["version"]) == (200, version)
        else:
            assert problem(moved) == (409, "move-not-allowed")
            assert (await agent.get(f"{CASES}/{ticket_id}"))["status"] == start


async def _events(service: RunningService, ticket_id: str) -> list[str]:
    return [row["type"] for row in await rows(service, "SELECT type FROM event_log WHERE subject = $1", ticket_id)]


@pytest.fixture
async def colleagues(service: RunningService) -> dict[str, str]:
    """Ids of people who have signed in: so they and their teams are known."""
    people = {
        "orders": service.person("AGENT", teams=("orders",)),
        "payments": service.person("AGENT", teams=("payments",)),
        "both": service.person("AGENT", teams=("orders", "payments")),
        "supervisor": service.person("SUPERVISOR"),
        "analyst": service.person("ANALYST", teams=("orders",)),
    }
    ids = {name: await agent_id(person) for name, person in people.items()}
    await service.person("SERVICE", subject="machine").get(CASES)
    (machine,) = await rows(service, "SELECT agent_id FROM support_agents WHERE subject = 'machine'")
    return ids | {"machine": str(machine["agent_id"]), "nobody": str(uuid4())}


async def test_an_agent_takes_a_case_and_gives_it_inside_the_agents_own_teams_only(
    service: RunningService, colleagues: dict[str, str]
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    me = await agent_id(agent)
    for name in ("payments", "supervisor", "analyst", "machine", "nobody"):
        await _refused(service, agent, assignee=colleagues[name])
    for team in ("payments", "no-such-team"):
        await _refused(service, agent, team=team)
    ticket_id = (await agent.open_case())["ticket_id"]
    for version, assignee in enumerate((me, colleagues["orders"], colleagues["both"], None), 1):
        given = await patch(agent, ticket_id, version, assignee=assignee)
        assert (given.status, given.body["assignee"]) == (200, assignee)
    events = await rows(
        service,
        "SELECT data FROM event_log WHERE type = 'support.case.assigned' AND subject = $1 ORDER BY id",
        ticket_id,
    )
    assert [row["data"]["assignee"] for row in events] == [me, colleagues["orders"], colleagues["both"], None]


async def test_a_supervisor_gives_any_case_to_any_agent_and_team_that_there_is(
    service: RunningService, colleagues: dict[str, str]
) -> None:
    supervisor = service.person("SUPERVISOR")
    for wrong in ({"assignee": colleagues[name]} for name in ("analyst", "machine", "nobody")):
        await _refused(service, supervisor, **wrong)
    await _refused(service, supervisor, team="no-such-team")
    ticket_id = (await supervisor.open_case())["ticket_id"]
    given = await patch(supervisor, ticket_id, 1, assignee=colleagues["payments"], team="payments")
    assert (given.status, given.body["assignee"], given.body["team"]) == (200, colleagues["payments"], "payments")
    outsider = service.person("AGENT", teams=("orders",))
    assert problem(await outsider.ask("GET", f"{CASES}/{ticket_id}")) == (404, "case-not-found")
    assert (await patch(supervisor, ticket_id, 2, team="orders")).status == 200
    assert (await outsider.get(f"{CASES}/{ticket_id}"))["team"] == "orders"


async def _refused(service: RunningService, person: Person, **gift: str) -> None:
    ticket_id = (await person.open_case())["ticket_id"]
    assert problem(await patch(person, ticket_id, 1, **gift)) == (422, "assignee-not-allowed"), gift
    assert (await person.get(f"{CASES}/{ticket_id}"))["version"] == 1


async def test_a_case_moved_to_another_order_forgets_what_was_known_of_the_first_and_learns_the_second(
    service: RunningService,
) -> None:
    await service.shop.add([*every_fact("o-1", "c-1"), *every_fact("o-2", "c-1"), *every_fact("o-3", "c-2")])
    agent = service.person("AGENT", teams=("orders",))
    ticket_id = (await agent.open_case(order_id="o-1"))["ticket_id"]

    async def orders_stored() -> set[str]:
        found = await rows(service, "SELECT order_id, facts FROM support_case_context WHERE ticket_id = $1", ticket_id)
        told = {fact["order_id"] for row in found for fact in row["facts"].values()}
        return told | {row["order_id"] for row in found}

    async def about_the_first() -> bool:
        return await orders_stored() == {"o-1"}

    async def about_the_second() -> bool:
        return await orders_stored() == {"o-2"}

    async def third_is_learnt() -> bool:
        return await count(service, "order_subjects WHERE order_id = 'o-3' AND customer_id = 'c-2'") == 1

    await eventually(about_the_first)
    await eventually(third_is_learnt)
    assert problem(await patch(agent, ticket_id, 1, order_id="o-3")) == (422, "order-of-another-customer")
    assert (await patch(agent, ticket_id, 1, order_id="o-2")).body["order_id"] == "o-2"
    shown = (await agent.timeline(ticket_id))["entries"]
    assert {entry["order_id"] for entry in shown} == {"o-2"}
    await eventually(about_the_second)
    late = Due(ENRICH, ticket_id, 1, {"customer_id": "c-1", "order_id": "o-1", "trace": None})
    await service.worker.context.enrich(late)
    assert await orders_stored() == {"o-2"}, "an enrichment that began before the move stored the first order again"
