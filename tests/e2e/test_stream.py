"""The stream over HTTP: who is told what, in which order, and how a reader goes on who was cut off."""

import asyncio
import contextlib
import os
import random
import signal
import sys

import aiohttp
import pytest

from support.api import patch, problem
from support.ports import free_port
from support.service import Person, RunningService, eventually
from support.shop import every_fact
from support.stream import Event, all_told, listening
from support_service.context import TimelineChanged
from support_service.kit import eventlog

CUTS = 100
EVENTS = 10_000


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


async def test_what_happens_to_a_case_is_told_in_its_order_as_it_happens(
    service: RunningService, agent: Person
) -> None:
    facts = [fact for fact in every_fact("o-1", "c-1") if fact.source == "order"]
    async with listening(agent) as stream:
        ticket_id = (await agent.open_case(order_id="o-1"))["ticket_id"]
        created = await stream.next()
        assert (created.name, created.data["ticket_ids"]) == ("case.created", [ticket_id])
        assert created.data["channel"] == "WEB"
        await agent.say(ticket_id, "It comes tomorrow.", internal=True)
        posted = await stream.next()
        assert (posted.name, posted.data["number"], posted.data["internal"]) == ("message.posted", 2, True)
        assert posted.data["author_type"] == "AGENT"
        await service.shop.add(facts[:1])
        moved = await stream.next()
        assert moved.name == "timeline.moved"
        assert moved.data == {
            "ticket_ids": [ticket_id],
            "order_id": "o-1",
            "source": "order",
            "entry_id": "order:o-1:1",
        }
        await patch(agent, ticket_id, (await agent.get(f"/support/cases/{ticket_id}"))["version"], status="RESOLVED")
        changed = await stream.next()
        assert (changed.name, changed.data["status"]) == ("case.changed", "RESOLVED")


async def test_each_is_told_of_the_cases_in_their_sight_and_of_no_others(
    service: RunningService, agent: Person
) -> None:
    other = service.person("AGENT", teams=("payments",))
    supervisor, analyst = service.person("SUPERVISOR"), service.person("ANALYST")
    ticket = await agent.open_case()
    await patch(supervisor, ticket["ticket_id"], ticket["version"], team="orders")
    await all_told(service)
    async with listening(agent) as ours, listening(other) as theirs, listening(supervisor) as all_of_them:
        async with listening(analyst) as masked:
            await agent.say(ticket["ticket_id"], "Secret words.")
            for stream in (ours, all_of_them, masked):
                told = await stream.next()
                assert (told.name, told.data["ticket_ids"]) == ("message.posted", [ticket["ticket_id"]])
                assert "Secret" not in str(told)
        version = (await agent.get(f"/support/cases/{ticket['ticket_id']}"))["version"]
        assert await theirs.nothing()
        await patch(supervisor, ticket["ticket_id"], version, team="payments")
        for stream in (ours, theirs, all_of_them):  # ours, too, who have lost it
            assert (await stream.next()).data["team"] == "payments"
        other_words = await other.say(ticket["ticket_id"], "It is ours now.")
        assert other_words.status == 201
        assert (await theirs.next()).name == "message.posted"
        assert await ours.nothing()


async def test_a_machine_has_no_stream_and_nobody_has_one_without_a_token(service: RunningService) -> None:
    assert problem(await service.person("SERVICE").ask("GET", "/support/stream"))[0] == 403
    nobody = service.person("AGENT")
    nobody.token = "none"
    assert problem(await nobody.ask("GET", "/support/stream"))[0] == 401


async def test_who_has_too_many_streams_is_told_so(
    service: RunningService, agent: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support_service.stream.service._MOST_OF_ONE", 1)
    async with listening(agent):
        answer = await agent.ask("GET", "/support/stream")
        assert problem(answer) == (503, "too-many-streams")
        assert answer.headers["retry-after"] == "5"
        async with listening(service.person("AGENT", teams=("orders",))):
            pass


async def test_who_is_cut_off_again_and_again_is_told_everything_once_and_in_order(
    service: RunningService, agent: Person
) -> None:
    ticket = await agent.open_case(order_id="o-1")
    await all_told(service)
    async with listening(agent) as stream:
        await agent.say(ticket["ticket_id"], "Now.")
        last = (await stream.next()).position
    chance = random.Random(5)
    got: list[Event] = []
    sent = 0
    for _ in range(CUTS):
        sent += await _move(service, EVENTS // CUTS, first=sent)
        async with listening(agent, got[-1].position if got else last) as stream:
            while len(got) < sent and chance.random() > CUTS / EVENTS:
                got.append(await stream.next())
    async with listening(agent, got[-1].position) as stream:
        while len(got) < EVENTS:
            got.append(await stream.next())
        assert await stream.nothing(0.3)
    assert [event.data["entry_id"] for event in got] == [f"order:o-1:{n}" for n in range(EVENTS)]
    assert [event.position for event in got] == sorted({event.position for event in got})


@pytest.mark.parametrize("after", ["0", "999999", "x", "-1"])
async def test_what_cannot_be_told_is_a_gap_and_what_follows_it_is_told(
    service: RunningService, agent: Person, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    monkeypatch.setattr("support_service.stream.service.MOST_BEHIND", 3)
    ticket = await agent.open_case(order_id="o-1")
    await _move(service, 5)
    async with listening(agent, after) as stream:
        gap = await stream.next()
        assert (gap.name, gap.data["until"]) == ("gap", gap.position)
        await agent.say(ticket["ticket_id"], "After it.")
        assert (await stream.next()).position > gap.position


async def test_a_closed_case_is_not_told_of_its_customers_further_orders(
    service: RunningService, agent: Person
) -> None:
    closed, still_open = await agent.open_case(), await agent.open_case()
    await patch(agent, closed["ticket_id"], closed["version"], status="CLOSED")
    await all_told(service)
    async with listening(agent) as stream:
        await _move(service, 1)
        assert (await stream.next()).data["ticket_ids"] == [still_open["ticket_id"]]


async def _move(service: RunningService, count: int, first: int = 0) -> int:
    """So many facts of order o-1 come to be known; returns once they are in the log's order."""
    told = [
        (TimelineChanged(customer_id="c-1", order_id="o-1", source="order", entry_id=f"order:o-1:{n}"), "c-1", n)
        for n in range(first, first + count)
    ]
    async with service.api.database.transaction() as tx:
        await eventlog.append_all(tx, told)
    await all_told(service)
    return count


async def test_a_server_that_is_told_to_stop_ends_its_streams_and_is_gone_at_once(
    service: RunningService, agent: Person
) -> None:
    settings, port = service.api.settings, free_port()
    environment = os.environ | {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DEMO": "true",
        "LOCAL_ISSUER_KEY": str(settings.local_issuer_key),
        "PORT": str(port),
    }
    command = (sys.executable, "-m", "support_service.entrypoints.cli", "api")
    server = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        there = Person(agent.session, f"http://127.0.0.1:{port}", agent.token)

        async def ready() -> bool:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                return (await there.ask("GET", "/readyz")).status == 200
            return False

        await eventually(ready, within_s=30)
        async with listening(there) as stream:
            assert await stream.nothing(0.3)
            server.send_signal(signal.SIGTERM)
            assert await stream.ended()
        async with asyncio.timeout(5):  # it is killed after 8 s
            assert await server.wait() == 0
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()
