"""`support-service dead-letters`: what could not be used is seen whole, and taken in once it can be."""

import base64
import os
import subprocess
import sys
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from support.api import agent_id, count, problem
from support.command import run_command
from support.service import RunningService
from support.shop import DAY, placed, record_of
from support_service.demo.events import event_of
from support_service.kit import deadletters
from support_service.kit.deadletters import KeptLetter
from support_service.ports.events import Record

LETTERS = "/support/dead-letters"


def record(order_id: str, offset: int) -> Record:
    event = event_of(placed(order_id, "c1", DAY + timedelta(minutes=offset)))
    assert event is not None
    return record_of(event, offset)._replace(headers=(("trace", b"t-1"),), timestamp=DAY.timestamp())


def poisoned(order_id: str, offset: int) -> Record:
    whole = record(order_id, offset)
    return whole._replace(value=whole.value.replace(b'"version":1', b'"version":"one"'))


async def kept(service: RunningService) -> list[KeptLetter]:
    async with service.worker.database.connection() as connection:
        return await deadletters.kept(connection, limit=100)


async def mend(service: RunningService, letter: KeptLetter) -> None:
    """As if a new version understood it."""
    async with service.worker.database.transaction() as tx:
        await tx.execute(
            "UPDATE dead_letters SET value = $2 WHERE dead_letter_id = $1",
            letter.dead_letter_id,
            letter.letter.value.replace(b'"one"', b"1"),
        )


async def events_in(service: RunningService) -> int:
    async with service.worker.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM support_timeline_events"))


async def test_a_letter_keeps_everything_and_one_that_can_be_used_now_is_a_letter_no_more(
    service: RunningService,
) -> None:
    await service.worker.context.ingest([poisoned("o-1", 1), record("o-2", 2), poisoned("o-3", 3)])
    first, second = await kept(service)
    assert first.letter == deadletters.DeadLetter(
        "order.status.changed", 0, 1, b"o-1", (("trace", b"t-1"),), poisoned("o-1", 1).value, "invalid-version", 1
    )
    assert await service.worker.context.replay(first) == "invalid-version"
    before = await events_in(service)
    await mend(service, second)
    _, mended = await kept(service)
    assert await service.worker.context.replay(mended) is None
    assert await service.worker.context.replay(mended) is None  # twice is once
    assert await events_in(service) == before + 1
    (left,) = await kept(service)
    assert (left.dead_letter_id, left.letter.attempts) == (first.dead_letter_id, 2)


@pytest.mark.timeout(60)
async def test_the_command_lists_shows_and_replays(service: RunningService) -> None:
    assert "There are no dead letters" in run_command(service, "dead-letters", "list").stdout
    await service.worker.context.ingest([poisoned("o-1", 1), poisoned("o-2", 2)])
    first, second = await kept(service)
    listed = run_command(service, "dead-letters", "list")
    assert listed.returncode == 0
    assert all(str(one.dead_letter_id) in listed.stdout for one in (first, second))
    assert "invalid-version" in listed.stdout
    shown = run_command(service, "dead-letters", "show", str(first.dead_letter_id)).stdout
    assert first.letter.value.decode() in shown
    assert "trace: t-1" in shown

    await mend(service, first)
    replayed = run_command(service, "dead-letters", "replay", "--all")
    assert (replayed.returncode, "1 taken in, 1 not." in replayed.stdout) == (1, True)
    assert f"{second.dead_letter_id}: invalid-version" in replayed.stdout
    assert (
        run_command(service, "dead-letters", "replay", str(first.dead_letter_id)).returncode == 1
    )  # it is one no more
    await mend(service, second)
    assert run_command(service, "dead-letters", "replay", "--topic", "order.status.changed").returncode == 0
    assert await kept(service) == []


def test_where_a_setting_is_wrong_it_says_who_knows_more() -> None:
    wrong = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "PORT": "99999"}
    command = [sys.executable, "-m", "support_service.entrypoints.cli", "dead-letters", "list"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=wrong)
    assert (done.returncode, "support-service doctor" in done.stdout, done.stderr) == (1, True, "")


def test_what_is_to_be_replayed_must_be_said(service: RunningService) -> None:
    assert run_command(service, "dead-letters", "replay").returncode == 2
    assert run_command(service, "dead-letters", "replay", "--all", "--topic", "fraud.alert").returncode == 2
    assert run_command(service, "dead-letters", "show", str(uuid4())).returncode == 1


async def test_a_supervisor_sees_a_letter_whole_and_takes_it_in_by_the_api_which_is_recorded(
    service: RunningService,
) -> None:
    await service.worker.context.ingest([poisoned("o-1", 1), poisoned("o-2", 2)])
    first, second = await kept(service)
    supervisor = service.person("SUPERVISOR")
    page = await supervisor.get(f"{LETTERS}?limit=1")
    assert [one["dead_letter_id"] for one in page["items"]] == [str(first.dead_letter_id)]
    assert "value" not in page["items"][0]
    rest = await supervisor.get(f"{LETTERS}?limit=1&cursor={page['next_cursor']}")
    assert [(one["offset"], one["reason"]) for one in rest["items"]] == [(2, "invalid-version")]
    assert rest["next_cursor"] is None
    assert (await supervisor.get(f"{LETTERS}?topic=fraud.alert"))["items"] == []
    whole = await supervisor.get(f"{LETTERS}/{first.dead_letter_id}")
    assert (whole["key"], whole["headers"]) == ("o-1", [["trace", "t-1"]])
    assert base64.b64decode(whole["value_base64"]) == whole["value"].encode() == first.letter.value
    path = f"{LETTERS}/{second.dead_letter_id}/replay"
    assert (await supervisor.ask("POST", path)).body == {"taken_in": False, "reason": "invalid-version"}
    await mend(service, second)
    assert (await supervisor.ask("POST", path)).body == {"taken_in": True, "reason": None}
    assert problem(await supervisor.ask("POST", path)) == (404, "dead-letter-not-found")
    assert await events_in(service) == 1
    by_api = "support_agent_activity WHERE action = $1 AND agent_id = $2"
    who = UUID(await agent_id(supervisor))
    assert await count(service, by_api, "dead_letter.read", who) == 1
    assert await count(service, by_api, "dead_letter.replayed", who) == 2


@pytest.mark.parametrize("role", ["AGENT", "ANALYST", "SERVICE"])
async def test_nobody_else_sees_dead_letters_by_the_api(service: RunningService, role: str) -> None:
    person = service.person(role)
    for method, path in (("GET", ""), ("GET", f"/{uuid4()}"), ("POST", f"/{uuid4()}/replay")):
        assert problem(await person.ask(method, LETTERS + path))[0] == 403


async def test_a_cursor_of_another_list_and_an_unknown_filter_are_refused(service: RunningService) -> None:
    supervisor = service.person("SUPERVISOR")
    assert problem(await supervisor.ask("GET", f"{LETTERS}?cursor=x"))[0] == 422
    assert problem(await supervisor.ask("GET", f"{LETTERS}?customer=c"))[0] == 422
