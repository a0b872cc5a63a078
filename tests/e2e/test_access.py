"""What everybody is shown, and what is written down of it; which routes they may call is tests/e2e/test_rights.py."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.api import CASES, agent_id, count, patch, problem, rows
from support.service import Person, RunningService, eventually
from support.shop import every_fact


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
async def opened(people: dict[str, Person]) -> list[str]:
    """Two cases of the team orders, the newest first."""
    machine, agent = people["SERVICE that opened them"], people["AGENT"]
    made = [(await machine.open_case(order_id="o-1"))["ticket_id"] for _ in range(2)]
    for ticket_id in made:
        assert (await patch(agent, ticket_id, 1, team="orders")).status == 200
    return made[::-1]


async def test_a_token_without_a_role_is_403_and_nobody_is_recorded(service: RunningService) -> None:
    nobody = await service.person("customer", subject="s").ask("GET", CASES)
    assert problem(nobody) == (403, "role-missing")
    assert await count(service, "support_agents WHERE subject = 's'") == 0


async def test_a_machine_reads_what_it_opened_wherever_that_goes_and_nothing_else(
    service: RunningService, people: dict[str, Person], opened: list[str]
) -> None:
    machine, other = people["SERVICE that opened them"], people["SERVICE"]
    own = (await other.open_case())["ticket_id"]
    of_no_team = (await service.person("AGENT").open_case())["ticket_id"]
    assert [case["ticket_id"] for case in (await machine.get(CASES))["items"]] == opened
    assert [case["ticket_id"] for case in (await other.get(CASES))["items"]] == [own]
    assert problem(await machine.ask("GET", f"{CASES}/{of_no_team}")) == (404, "case-not-found")
    assert (await machine.get(f"{CASES}/{opened[0]}"))["subject"] == "Where is it?"


async def test_a_list_holds_nothing_that_is_out_of_sight(people: dict[str, Person], opened: list[str]) -> None:
    for who, seen in (("AGENT of another team", []), ("SERVICE", []), ("AGENT", opened), ("ANALYST", opened)):
        for query in ("", "?order_id=o-1&team=orders"):
            found = await people[who].get(CASES + query)
            assert [case["ticket_id"] for case in found["items"]] == seen, who


async def test_what_is_not_there_cannot_be_withheld_and_is_not_written_down(
    service: RunningService, people: dict[str, Person], opened: list[str]
) -> None:
    agent, refused = people["AGENT of another team"], "support_agent_activity WHERE action = 'case.out_of_sight'"
    assert (await agent.ask("GET", f"{CASES}/{uuid4()}")).status == 404
    assert await count(service, refused) == 0
    assert (await agent.ask("GET", f"{CASES}/{opened[0]}")).status == 404
    assert await count(service, refused) == 1


async def test_a_look_at_a_case_its_messages_or_its_timeline_is_written_down_once_a_minute(
    service: RunningService, people: dict[str, Person], opened: list[str]
) -> None:
    async def views() -> list[tuple[str, str, datetime]]:
        found = await rows(
            service,
            "SELECT agent_id::text, ticket_id::text, minute FROM support_agent_activity WHERE action = 'case.viewed'"
            " ORDER BY activity_id",
        )
        return [(row["agent_id"], row["ticket_id"], row["minute"]) for row in found]

    started = datetime.now(UTC).replace(second=0, microsecond=0)
    path = f"{CASES}/{opened[0]}"
    looks = {"AGENT": f"{path}/messages", "ANALYST": f"{path}/timeline", "SUPERVISOR": f"{path}?includeTimeline=true"}
    for who, look in looks.items():
        for _ in range(3):
            await people[who].get(look)
    assert (await people["AGENT of another team"].ask("GET", path)).status == 404
    await people["AGENT"].get(CASES)

    async def all_written() -> bool:
        return len({agent for agent, *_ in await views()}) == len(looks)

    await eventually(all_written)
    await service.api.views.flush()
    seen = await views()
    assert {(agent, ticket_id) for agent, ticket_id, _ in seen} == {
        (await agent_id(people[who]), opened[0]) for who in looks
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
    people: dict[str, Person],
) -> None:
    agent, supervisor = people["AGENT"], people["SUPERVISOR"]
    me = await agent_id(agent)
    path = f"/support/agents/{me}/workload"
    empty = {"open": 0, "by_status": {"OPEN": 0, "PENDING": 0, "ON_HOLD": 0}, "by_priority": {}}
    assert await agent.get(path) == {"agent_id": me, **empty, "oldest_wait_seconds": 0.0}
    given = [("OPEN", "HIGH"), ("OPEN", "LOW"), ("PENDING", "HIGH"), ("ON_HOLD", "URGENT"), ("RESOLVED", "LOW"),
             ("CLOSED", "LOW")]  # fmt: skip
    cases = [await supervisor.open_case(priority=priority) for _, priority in given]
    for case, (status, _) in zip(cases, given, strict=True):
        changes = {"assignee": me} | ({} if status == "OPEN" else {"status": status})
        assert (await patch(supervisor, case["ticket_id"], 1, **changes)).status == 200
    assert (await agent.say(cases[0]["ticket_id"], "answered")).status == 201
    expected = {
        "agent_id": me,
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
