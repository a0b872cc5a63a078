"""What clients are owed when servers are killed or told to stop: one effect for each thing asked for, and all answers that can be."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from uuid import uuid4

import aiohttp
import pytest
from bench.processes import Program
from campaign.case_ground import CaseGround, open_case_ground
from campaign.clients import Client
from campaign.history import History, Outcome
from campaign.verdict import number

from support.api import CASES, new_case
from support.service import Answer, eventually

POSTS = 100
CLIENTS = 20
JUST_NOW_S = 0.05
"""A request that was sent so short a time before the signal may not have been taken yet."""


@pytest.fixture
async def ground() -> AsyncIterator[CaseGround]:
    async with open_case_ground() as opened:
        yield opened


async def ready(ground: CaseGround, *servers: Program) -> None:
    for number_, server in enumerate(servers):
        await asyncio.to_thread(server.until_answers, f"{ground.url(number_)}/readyz")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("death", ["", "case.before_commit:1", "case.after_commit:1"])
async def test_a_hundred_posts_of_one_key_over_two_servers_make_one_case_also_when_one_of_them_is_killed(
    ground: CaseGround, death: str
) -> None:
    with ExitStack() as living:
        servers = [living.enter_context(ground.api(0, death)), living.enter_context(ground.api(1))]
        await ready(ground, *servers)
        people, key, history = ground.person("storefront", "SERVICE"), str(uuid4()), History()
        clients = [Client(people, history, Random(one)) for one in range(POSTS)]
        asked = await asyncio.gather(
            *(client.ask("POST", CASES, new_case(order_id="o-1"), idempotency_key=key) for client in clients)
        )
        assert servers[0].status == (-signal.SIGKILL if death else None)
    answers = [answer for answer, _ in asked]
    assert {answer and answer.status for answer in answers} == {201}
    assert len({json.dumps(answer and answer.body, sort_keys=True) for answer in answers}) == 1
    assert set(history.statuses) <= {201, 409}
    assert (history.broken > 0) == bool(death)
    anew = [answer for answer in answers if answer and "idempotency-replayed" not in answer.headers]
    assert len(anew) in ({0, 1} if death == "case.after_commit:1" else {1})
    for table in ("support_tickets", "support_conversations", "event_log", "idempotency_keys"):
        assert await number(ground.owner, f"SELECT count(*) FROM {table}") == 1, table
    opened = "SELECT count(*) FROM support_agent_activity WHERE action = 'case.opened'"
    assert await number(ground.owner, opened) == 1


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_server_that_is_told_to_stop_under_load_answers_everything_it_was_asked_before(
    ground: CaseGround,
) -> None:
    answered: dict[str, Answer] = {}
    unanswered: dict[str, float] = {}
    (person, *_) = ground.person("storefront", "SERVICE")
    stop = asyncio.Event()

    async def opens_cases() -> None:
        while not stop.is_set():
            key, asked_at = str(uuid4()), time.monotonic()
            try:
                answered[key] = await person.ask("POST", CASES, new_case(), idempotency_key=key)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)  # nobody listens any more
            except aiohttp.ClientError:
                unanswered[key] = asked_at

    with ground.api(0) as server:
        await ready(ground, server)
        opening = [asyncio.create_task(opens_cases()) for _ in range(CLIENTS)]
        await asyncio.sleep(1.5)
        told_at = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        await until_ended(server)
        took_s = time.monotonic() - told_at
        stop.set()
        await asyncio.gather(*opening)
    assert server.status == 0
    assert took_s < 5, "it is killed after 8 s"
    assert len(answered) > CLIENTS
    assert {answer.status for answer in answered.values()} == {201}
    assert [at - told_at for at in unanswered.values() if at < told_at - JUST_NOW_S] == []
    with ground.api(0) as server:
        await ready(ground, server)
        for key in [*answered, *unanswered]:
            again = await person.ask("POST", CASES, new_case(), idempotency_key=key)
            assert again.status == 201
            assert key not in answered or again.body == answered[key].body
    assert await number(ground.owner, "SELECT count(*) FROM support_tickets") == len(answered) + len(unanswered)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_process_of_a_server_that_is_killed_under_load_is_started_anew_and_nothing_is_lost(
    ground: CaseGround,
) -> None:
    ground.settings = {**ground.settings, "API_WORKERS": "2"}
    history = History()
    clients = [Client(ground.person("storefront", "SERVICE")[:1], history, Random(one)) for one in range(CLIENTS)]
    stop = asyncio.Event()

    async def opens_cases(client: Client) -> None:
        while not stop.is_set():
            await client.open_case()

    with ground.api(0) as server:
        await ready(ground, server)
        before = await until_serving(server, 2)
        opening = [asyncio.create_task(opens_cases(client)) for client in clients]
        for killed in before:
            await asyncio.sleep(1)
            os.kill(killed, signal.SIGKILL)
        after = await until_serving(server, 2, besides=before)
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*opening)
        assert server.status is None
    assert not before & after
    assert {said.outcome for said in history.said} == {Outcome.DONE}
    assert await number(ground.owner, "SELECT count(*) FROM support_tickets") == len(history.said)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_worker_that_is_told_to_stop_leaves_nothing_half_done(ground: CaseGround) -> None:
    (person, *_) = ground.person("storefront", "SERVICE")
    with ground.api(0) as server, ground.worker() as worker:
        await ready(ground, server)
        for _ in range(3):
            opened = await asyncio.gather(*(person.ask("POST", CASES, new_case()) for _ in range(20)))
            assert {answer.status for answer in opened} == {201}
        await eventually(lambda: number(ground.owner, "SELECT count(*) FROM support_case_context"), within_s=30)
        os.kill(worker.pid, signal.SIGTERM)
        await until_ended(worker)
    assert worker.status == 0
    assert await number(ground.owner, "SELECT count(*) FROM due_work WHERE claim IS NOT NULL") == 0
    assert await number(ground.owner, "SELECT count(*) % 5 FROM support_case_context") == 0


async def until_serving(server: Program, processes: int, besides: Collection[int] = ()) -> set[int]:
    """The pids of a server's processes once there are so many, without those that are known."""

    async def found() -> set[int]:
        told = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii").split()
        serving = {int(pid) for pid in told if int(pid) not in besides and lives(pid)}
        return serving if len(serving) == processes else set()

    return set(await eventually(found, within_s=30))


def lives(pid: str) -> bool:
    """Whether it is alive, and not waiting to be buried."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    return False


async def until_ended(program: Program) -> None:
    async def ended() -> bool:
        return program.status is not None

    await eventually(ended, within_s=15)
