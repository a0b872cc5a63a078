"""The hot road and the router answer alike, by either protocol, and a reassignment is seen by both."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from multidict import CIMultiDict
from prometheus_client import REGISTRY
from yarl import URL

from support.postgres import DatabaseDsns
from support.service import Answer, Person, RunningService, eventually, running_service
from support.shop import every_fact

ROUTE = "/support/cases/{ticket_id}/timeline"
LONG = timedelta(hours=1)
PER_ANSWER = {"date", "x-request-id", "age", "cache-status", "server"}


@pytest.fixture(params=["rsgi", "asgi"])
async def service(
    request: pytest.FixtureRequest, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service with an empty shop, by each protocol that the road has a layer for."""
    asgi = request.param == "asgi"
    async with running_service(database_dsns, empty_database_url, tmp_path, asgi=asgi) as running:
        yield running


def by_router(path: str) -> str:
    """The same question in words that the hot road does not know."""
    return f"{path}?limit=100"


async def both(person: Person, path: str) -> tuple[Answer, Answer]:
    return await person.ask("GET", path), await person.ask("GET", by_router(path))


async def of_one_fill(person: Person, path: str) -> tuple[Answer, Answer]:
    """Both answers; asked again when the page was put together anew between them, as only `as_of` tells."""
    for _ in range(20):
        hot, slow = await both(person, path)
        if hot.status != 200 or slow.status != 200 or hot.body["sources"] == slow.body["sources"]:
            return hot, slow
    return await both(person, path)


def alike(hot: Answer, slow: Answer) -> bool:
    names = {name.lower() for name in (*hot.headers, *slow.headers)} - PER_ANSWER
    return (
        hot.status == slow.status
        and hot.body == slow.body
        and {name: hot.headers.get(name) for name in names} == {name: slow.headers.get(name) for name in names}
    )


async def warm(person: Person, path: str) -> None:
    async def hit() -> bool:
        return "hit" in (await person.ask("GET", path)).headers.get("cache-status", "")

    await eventually(hit)


async def test_every_role_team_and_state_of_the_token_is_answered_alike_on_both_roads(service: RunningService) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    opener = service.person("AGENT", teams=("orders",))
    case = await opener.open_case(order_id="o-1")
    path = f"/support/cases/{case['ticket_id']}/timeline"
    await warm(opener, path)
    expected = {
        ("AGENT", "orders"): 200,
        ("AGENT", "payments"): 404,
        ("SUPERVISOR", "payments"): 200,
        ("ANALYST", "payments"): 200,
        ("SERVICE", "payments"): 403,
        ("NOBODY", "orders"): 403,
    }
    for (role, team), status in expected.items():
        person = service.person(role, teams=(team,))
        for _ in range(3):  # the first is verified, the others remembered
            hot, slow = await of_one_fill(person, path)
            assert hot.status == status, (role, team)
            assert alike(hot, slow), (role, team, hot, slow)
    token = service.issuer.token(
        subject="late", name="n", email="e", roles=("AGENT",), teams=("orders",), lifetime=timedelta(seconds=-120)
    )
    for bad in (token, "nonsense", ""):
        hot, slow = await both(Person(service.session, service.url, bad), path)
        assert hot.status == 401
        assert alike(hot, slow)


async def test_the_hot_road_really_answers_and_is_counted_audited_and_given_its_request_id(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    path = f"/support/cases/{case['ticket_id']}/timeline"
    await warm(agent, path)

    def counted() -> float:
        labels = {"method": "GET", "route": ROUTE, "status": "200"}
        return REGISTRY.get_sample_value("support_http_request_seconds_count", labels) or 0

    monkeypatch.setattr(service.api.desk, "read_timeline", None)  # the router's own way is closed
    before = counted()

    async def answered() -> Answer | None:
        """On a busy machine the process may not have heard of changes lately; the router's closed way is then asked."""
        found = await agent.ask("GET", path, X_Request_ID="a-request-of-mine")
        return found if found.status == 200 else None

    answer = await eventually(answered)
    assert answer.headers["x-request-id"] == "a-request-of-mine"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert counted() == before + 1

    async def recorded() -> bool:
        async with service.api.database.connection() as connection:
            query = "SELECT count(*) FROM support_agent_activity WHERE action = 'case.viewed' AND ticket_id = $1"
            return bool(await connection.fetchval(query, case["ticket_id"]))

    await eventually(recorded)


async def test_who_loses_sight_of_a_case_by_its_reassignment_is_refused_half_a_second_later(
    service: RunningService,
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent, supervisor = service.person("AGENT", teams=("orders",)), service.person("SUPERVISOR", teams=("payments",))
    await supervisor.get("/support/cases")  # makes the team known
    case = await agent.open_case(order_id="o-1")
    path = f"/support/cases/{case['ticket_id']}"
    await warm(agent, path + "/timeline")
    changed = await supervisor.ask("PATCH", path, {"team": "payments"}, If_Match=f'"{case["version"]}"')
    assert changed.status == 200
    await asyncio.sleep(0.5)
    assert (await agent.ask("GET", path + "/timeline")).status == 404
    assert (await agent.ask("GET", path)).status == 404


async def test_who_moves_a_case_to_another_order_sees_that_orders_timeline_in_the_next_read(
    service: RunningService,
) -> None:
    await service.shop.add([*every_fact("o-1", "c-1"), *every_fact("o-2", "c-1")])
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    other = await agent.open_case(order_id="o-2")
    path = f"/support/cases/{case['ticket_id']}"
    for version, order_id in enumerate(("o-2", "o-1", "o-2"), case["version"]):
        await warm(agent, path + "/timeline")
        await warm(agent, f"/support/cases/{other['ticket_id']}/timeline")
        moved = await agent.ask("PATCH", path, {"order_id": order_id}, If_Match=f'"{version}"')
        assert moved.status == 200
        shown = await agent.timeline(case["ticket_id"])
        assert {entry["order_id"] for entry in shown["entries"]} == {order_id}


SPELLINGS = (
    "{id}/timeline", "{id}?includeTimeline=true", "{id}/timeline?", "{ID}/timeline", "{hex}/timeline", "{id}%2Ftimeline",
    "{id}%2ftimeline", "{id}/%74imeline", "{id}//timeline", "/{id}/timeline", "{id}/timeline/", "{id}/timeline//",
    "{id}/timeline/..", "{id}/./timeline", "x/../{id}/timeline", "{id};x=1/timeline", "{id}/timeline;x=1",
    "{id}/timeline%00", "{id}/timeline%3F", "{id}/timeline%20", "{id}/TIMELINE", "urn:{hex}/timeline",
    "%7B%7B{hex}%7D%7D/timeline", "-{hex}---/timeline", "urn:uuid:{id}/timeline", "{id}/timeline?limit=1",
    "{id}/timeline?limit=1&limit=2", "{id}?includeTimeline=true&includeTimeline=false", "{id}?includeTimeline=true&",
    "{id}?&includeTimeline=true", "{id}?includeTimeline=%74rue", "{id}?includetimeline=true", "{id}%3FincludeTimeline=true",
    "{id}?includeTimeline=true#x", "{id}/?includeTimeline=true",
)  # fmt: skip
"""What follows /support/cases/."""


async def asked_as_it_is(service: RunningService, method: str, path: str, *authorizations: str) -> tuple[int, bytes]:
    """Status and body of a path that is sent as it is written, with so many Authorization headers."""
    headers = CIMultiDict([("authorization", f"Bearer {one}") for one in authorizations])
    async with service.session.request(method, URL(service.url + path, encoded=True), headers=headers) as answer:
        return answer.status, await answer.read()


async def test_no_spelling_of_a_path_goes_around_the_guard(service: RunningService) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent, stranger = service.person("AGENT", teams=("orders",)), service.person("AGENT", teams=("payments",))
    machine = service.person("SERVICE")
    case = await agent.open_case(order_id="o-1")
    await agent.ask("PATCH", f"/support/cases/{case['ticket_id']}", {"team": "orders"}, if_match='"1"')
    for person in (stranger, machine, agent):
        await person.get("/support/cases")  # remembered from now on
    await warm(agent, f"/support/cases/{case['ticket_id']}/timeline")
    late = service.issuer.token(subject="l", name="n", email="e", roles=("SUPERVISOR",), teams=(), lifetime=-LONG)
    names = {"id": case["ticket_id"], "ID": case["ticket_id"].upper(), "hex": case["ticket_id"].replace("-", "")}
    found, expected = {}, {}
    for path in (f"/support/cases/{spelling.format(**names)}" for spelling in SPELLINGS):
        for method in ("GET", "HEAD"):
            status, _ = await asked_as_it_is(service, method, path, agent.token)
            assert status in {200, 404, 405, 422}, path
            for who, token, refused in (
                ("nobody", (), {200: 401, 422: 401}),
                ("garbage", ("a.b.c",), {200: 401, 422: 401}),
                ("expired", (late,), {200: 401, 422: 401}),
                ("another team", (stranger.token,), {200: 404}),
                (
                    "machine",
                    (machine.token,),
                    {200: 404 if "false" in path else 403, 422: 403 if "/timeline" in path else 422},
                ),
            ):
                got, body = await asked_as_it_is(service, method, path, *token)
                found[method, path, who], expected[method, path, who] = got, refused.get(status, status)
                assert b"entries" not in body
    assert found == expected


async def test_an_id_is_spelt_for_both_roads_alike(service: RunningService) -> None:
    agent = service.person("AGENT")
    ticket_id = (await agent.open_case())["ticket_id"]
    plain = ticket_id.replace("-", "")
    await warm(agent, f"/support/cases/{ticket_id}/timeline")
    for spelt in (
        ticket_id.upper(),
        plain,
        f"urn:{plain}",
        f"%7B%7B{plain}%7D%7D",
        f"-{plain}---",
        f"+{plain[1:]}----",
    ):
        hot, slow = [
            await asked_as_it_is(service, "GET", f"/support/cases/{spelt}/timeline{query}", agent.token)
            for query in ("", "?limit=100")
        ]
        assert hot[0] == slow[0] == (200 if spelt.lower() in {ticket_id, plain} else 422), spelt


async def test_two_tokens_at_once_are_none_whichever_comes_first(service: RunningService) -> None:
    """A proxy in front may have looked at the other one."""
    agent, supervisor = service.person("AGENT"), service.person("SUPERVISOR")
    path = f"/support/cases/{(await agent.open_case())['ticket_id']}/timeline"
    for person in (agent, supervisor):
        await warm(person, path)
    for both_of in ((agent, supervisor), (supervisor, agent), (agent, agent)):
        for where in (path, by_router(path), "/support/agents/me"):
            status, _ = await asked_as_it_is(service, "GET", where, *(person.token for person in both_of))
            assert status == 401, where
    assert (await asked_as_it_is(service, "GET", path, agent.token, "a.b.c"))[0] == 401
    assert (await asked_as_it_is(service, "GET", path, agent.token))[0] == 200
