"""Teams: told by tokens or kept by supervisors, never both; a change counts at the latest when a principal expires."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from support.api import CASES, agent_id, patch, pointers, problem, rows
from support.postgres import DatabaseDsns
from support.service import Answer, Person, RunningService, running_service

TEAMS = "/support/teams"


@pytest.fixture
async def keeping(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A service that keeps teams itself."""
    async with running_service(database_dsns, empty_database_url, tmp_path, teams_from="service") as running:
        yield running


@pytest.fixture
def supervisor(keeping: RunningService) -> Person:
    return keeping.person("SUPERVISOR")


async def made(supervisor: Person, team: str) -> None:
    answer = await supervisor.ask("POST", TEAMS, {"name": f"Team {team}", "team": team})
    assert answer.status == 201, answer


async def join(supervisor: Person, team: str, person: Person, method: str = "PUT") -> Answer:
    return await supervisor.ask(method, f"{TEAMS}/{team}/members/{await agent_id(person)}")


def forget(service: RunningService) -> None:
    """As when every principal that is remembered has expired."""
    service.api.guard._remembered.clear()


async def test_a_supervisor_makes_renames_and_lists_teams(supervisor: Person) -> None:
    made_now = await supervisor.ask("POST", TEAMS, {"name": "Đội giao hàng"})
    assert (made_now.status, made_now.body["team"], made_now.body["version"]) == (201, "doi-giao-hang", 1)
    path = made_now.headers["location"]
    assert (await supervisor.get(path)) == made_now.body
    renamed = await supervisor.ask("PATCH", path, {"name": "Giao hàng"}, if_match=made_now.headers["etag"])
    assert (renamed.status, renamed.body["name"], renamed.body["version"]) == (200, "Giao hàng", 2)
    late = await supervisor.ask("PATCH", path, {"name": "Another"}, if_match='"1"')
    assert (problem(late), late.body["version"]) == ((412, "team-changed"), 2)
    assert problem(await supervisor.ask("PATCH", path, {"name": "Another"})) == (428, "version-required")
    await made(supervisor, "payments")
    first = await supervisor.get(f"{TEAMS}?limit=1")
    assert [team["team"] for team in first["items"]] == ["doi-giao-hang"]
    rest = await supervisor.get(f"{TEAMS}?limit=1&cursor={quote(first['next_cursor'])}")
    assert ([team["team"] for team in rest["items"]], rest["next_cursor"]) == (["payments"], None)
    assert first["kept_here"] is True


async def test_what_cannot_be_a_team_is_refused(supervisor: Person) -> None:
    await made(supervisor, "orders")
    again = await supervisor.ask("POST", TEAMS, {"name": "Others", "team": "orders"})
    assert problem(again) == (409, "team-exists")
    for body, pointer in (
        ({"name": " "}, "/name"), ({"name": "x" * 65}, "/name"), ({"name": "a\u0007"}, "/name"), ({}, "/name"),
        ({"name": "x", "team": "a/b"}, "/team"), ({"name": "x", "team": ""}, "/team"), ({"name": "x", "y": 1}, "/y"),
    ):  # fmt: skip
        assert pointers(await supervisor.ask("POST", TEAMS, body)) == [pointer], body
    assert problem(await supervisor.ask("POST", TEAMS, {"name": "订单"})) == (422, "team-id-needed")
    for method, path in (("GET", "/none"), ("DELETE", "/none"), ("GET", "/none/members")):
        assert problem(await supervisor.ask(method, TEAMS + path)) == (404, "team-not-found")
    nobody = f"{TEAMS}/orders/members/{uuid4()}"
    assert problem(await supervisor.ask("PUT", nobody)) == (404, "member-not-found")
    assert problem(await supervisor.ask("DELETE", nobody)) == (404, "member-not-found")


async def test_a_team_that_is_made_twice_with_one_key_is_made_once(keeping: RunningService, supervisor: Person) -> None:
    answers = [
        await supervisor.ask("POST", TEAMS, {"name": "Orders", "team": "orders"}, idempotency_key="k") for _ in "ab"
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert len(await rows(keeping, "SELECT FROM support_agent_activity WHERE action = 'team.made'")) == 1


async def test_members_see_the_teams_cases_and_who_is_no_member_any_more_does_not(
    keeping: RunningService, supervisor: Person
) -> None:
    await made(supervisor, "orders")
    agent = keeping.person("AGENT", teams=("payments",))
    assert (await agent.get("/support/agents/me"))["teams"] == [], "what the token says of teams is not heard"
    case = await supervisor.open_case()
    assert (await patch(supervisor, case["ticket_id"], 1, team="orders")).status == 200
    path = f"{CASES}/{case['ticket_id']}"
    hot = f"{path}/timeline"
    assert (await agent.ask("GET", path)).status == 404
    assert (await join(supervisor, "orders", agent)).status == 204
    forget(keeping)
    for look in (path, hot, hot, f"{path}?includeTimeline=true", f"{path}?includeTimeline=true"):
        assert (await agent.ask("GET", look)).status == 200
    members = await agent.get(f"{TEAMS}/orders/members")
    assert [member["agent_id"] for member in members["items"]] == [await agent_id(agent)]
    assert (await join(supervisor, "orders", agent, "DELETE")).status == 204
    forget(keeping)
    for look in (path, hot, hot, f"{path}?includeTimeline=true"):
        assert (await agent.ask("GET", look)).status == 404, "the hot road remembers cases, not who sees them"
    assert (await agent.get("/support/agents/me"))["teams"] == []
    assert (await agent.get(f"{TEAMS}/orders/members"))["items"] == []


async def test_who_signs_in_again_keeps_the_teams_that_the_service_has_for_them(
    keeping: RunningService, supervisor: Person
) -> None:
    await made(supervisor, "orders")
    agent = keeping.person("AGENT", subject="somebody")
    assert (await join(supervisor, "orders", agent)).status == 204
    async with keeping.api.database.connection() as connection:
        await connection.execute("UPDATE support_agents SET last_seen_at = now() - interval '1 hour'")
    forget(keeping)
    again = keeping.person("AGENT", "SUPERVISOR", subject="somebody", teams=("payments",))
    assert (await again.get("/support/agents/me"))["teams"] == ["orders"]
    (known,) = await rows(keeping, "SELECT teams, roles FROM support_agents WHERE subject = 'somebody'")
    assert known == {"teams": ["orders"], "roles": ["AGENT", "SUPERVISOR"]}
    assert await rows(keeping, "SELECT team FROM support_teams WHERE team = 'payments'") == []


async def test_every_change_is_recorded_with_who_made_it_and_nothing_when_nothing_changed(
    keeping: RunningService, supervisor: Person
) -> None:
    agent = keeping.person("AGENT")
    me, member = await agent_id(supervisor), await agent_id(agent)
    await made(supervisor, "orders")
    for _ in range(2):
        assert (await join(supervisor, "orders", agent)).status == 204
    for _ in range(2):
        renamed = await supervisor.ask("PATCH", f"{TEAMS}/orders", {"name": "New"}, if_match='"2"')
        assert renamed.status in {200, 412}
    assert (await supervisor.ask("PATCH", f"{TEAMS}/orders", {"name": "New"}, if_match='"1"')).status == 200
    for _ in range(2):
        assert (await join(supervisor, "orders", agent, "DELETE")).status == 204
    assert (await supervisor.ask("DELETE", f"{TEAMS}/orders")).status == 204
    written = await rows(
        keeping, "SELECT action, detail FROM support_agent_activity WHERE agent_id = $1 ORDER BY activity_id", me
    )
    expected: list[dict[str, Any]] = [
        {"action": "team.made", "detail": {"team": "orders"}},
        {"action": "team.member.added", "detail": {"team": "orders", "member": member}},
        {"action": "team.renamed", "detail": {"team": "orders"}},
        {"action": "team.member.removed", "detail": {"team": "orders", "member": member}},
        {"action": "team.retired", "detail": {"team": "orders"}},
    ]
    assert written == expected


async def test_a_team_ends_only_without_unfinished_cases_and_then_gets_none_any_more(
    keeping: RunningService, supervisor: Person
) -> None:
    await made(supervisor, "orders")
    agent = keeping.person("AGENT")
    assert (await join(supervisor, "orders", agent)).status == 204
    ticket_id = (await supervisor.open_case())["ticket_id"]
    assert (await patch(supervisor, ticket_id, 1, team="orders")).status == 200
    assert problem(await supervisor.ask("DELETE", f"{TEAMS}/orders")) == (409, "team-has-cases")
    assert (await patch(supervisor, ticket_id, 2, status="RESOLVED")).status == 200
    assert (await supervisor.ask("DELETE", f"{TEAMS}/orders")).status == 204
    assert (await supervisor.get(f"{CASES}/{ticket_id}"))["team"] == "orders", "what it finished keeps its id"
    assert (await supervisor.get(TEAMS))["items"] == []
    forget(keeping)
    assert (await agent.get("/support/agents/me"))["teams"] == []
    other = (await supervisor.open_case())["ticket_id"]
    assert problem(await patch(supervisor, other, 1, team="orders")) == (422, "assignee-not-allowed")
    assert problem(await join(supervisor, "orders", agent)) == (404, "team-not-found")
    await made(supervisor, "orders")
    assert (await patch(supervisor, other, 1, team="orders")).status == 200


async def test_no_case_comes_to_a_team_while_it_ends(keeping: RunningService, supervisor: Person) -> None:
    for turn in range(8):
        team = f"team-{turn}"
        await made(supervisor, team)
        ticket_id = (await supervisor.open_case())["ticket_id"]
        ended, given = await asyncio.gather(
            supervisor.ask("DELETE", f"{TEAMS}/{team}"), patch(supervisor, ticket_id, 1, team=team)
        )
        assert {ended.status, given.status} in ({204, 422}, {409, 200})


async def test_a_hundred_teams_are_as_many_as_somebody_can_be_in(keeping: RunningService, supervisor: Person) -> None:
    agent = keeping.person("AGENT")
    me = await agent_id(agent)
    async with keeping.api.database.transaction() as tx:
        await tx.execute(
            "UPDATE support_agents SET teams = ARRAY(SELECT 't' || n FROM generate_series(1, 100) n)"
            " WHERE agent_id = $1",
            me,
        )
    await made(supervisor, "orders")
    refused = await join(supervisor, "orders", agent)
    assert (problem(refused), refused.body["most"]) == ((409, "too-many-teams"), 100)


async def test_members_added_side_by_side_are_all_members(keeping: RunningService, supervisor: Person) -> None:
    agent = keeping.person("AGENT")
    for n in range(6):
        await made(supervisor, f"t{n}")
    answers = await asyncio.gather(*(join(supervisor, f"t{n}", agent) for n in range(6)))
    assert {answer.status for answer in answers} == {204}
    forget(keeping)
    assert (await agent.get("/support/agents/me"))["teams"] == [f"t{n}" for n in range(6)]


async def test_where_tokens_tell_teams_they_are_read_here_and_changed_elsewhere(service: RunningService) -> None:
    supervisor, agent = service.person("SUPERVISOR"), service.person("AGENT", teams=("Đội 1", "orders"))
    member = await agent_id(agent)
    page = await supervisor.get(TEAMS)
    assert ({team["team"] for team in page["items"]}, page["kept_here"]) == ({"Đội 1", "orders"}, False)
    members = await agent.get(f"{TEAMS}/{quote('Đội 1')}/members")
    assert [each["agent_id"] for each in members["items"]] == [member]
    for method, path, body in (
        ("POST", TEAMS, {"name": "New"}),
        ("PATCH", f"{TEAMS}/orders", {"name": "New"}),
        ("DELETE", f"{TEAMS}/orders", None),
        ("PUT", f"{TEAMS}/orders/members/{member}", None),
        ("DELETE", f"{TEAMS}/orders/members/{member}", None),
    ):
        answer = await supervisor.ask(method, path, body, if_match='"1"')
        assert problem(answer) == (409, "teams-from-tokens"), path
        assert "TEAMS_FROM=service" in answer.body["title"]
    assert (await agent.get("/support/agents/me"))["teams"] == ["orders", "Đội 1"]
    assert await rows(service, "SELECT FROM support_agent_activity WHERE action LIKE 'team.%'") == []


async def test_a_team_that_tokens_named_as_they_liked_can_be_managed_after_the_switch(
    keeping: RunningService, supervisor: Person
) -> None:
    async with keeping.api.database.transaction() as tx:
        await tx.execute("INSERT INTO support_teams (team, name, created_at) VALUES ('Đội 1', 'Đội 1', now())")
    agent = keeping.person("AGENT")
    assert (await join(supervisor, quote("Đội 1"), agent)).status == 204
    (written,) = await rows(keeping, "SELECT detail FROM support_agent_activity WHERE action = 'team.member.added'")
    assert len(written["detail"]["team"]) == 64
