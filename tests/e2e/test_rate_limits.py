"""Who asks too often is answered 429 until the time that it names; nobody else notices, on the hot road as elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from support.api import CASES, count, new_case, problem
from support.postgres import DatabaseDsns
from support.service import Answer, Person, RunningService, another_api, running_service
from support.shop import every_fact

AT_ONCE = 10
"""At one a second."""


@pytest.fixture(params=["rsgi", "asgi"])
async def service(
    request: pytest.FixtureRequest, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service that lets people read and write once a second, and tokens fail as often."""
    async with running_service(
        database_dsns,
        empty_database_url,
        tmp_path,
        asgi=request.param == "asgi",
        rate_limit_reads=1,
        rate_limit_writes=1,
        rate_limit_failed_sign_ins=1,
        trusted_proxies="127.0.0.1/32",
    ) as running:
        yield running


def refused(answer: Answer) -> int:
    """The seconds to wait that a 429 tells."""
    assert problem(answer) == (429, "too-many-requests")
    seconds = int(answer.headers["retry-after"])
    assert str(seconds) in answer.body["detail"]
    return seconds


def limited(operation: str) -> float:
    return REGISTRY.get_sample_value("support_rate_limited_total", {"operation": operation}) or 0


async def until_refused(person: Person, method: str, path: str, body: object = None) -> Answer:
    """What is answered when somebody has emptied the bucket, all of which was taken before."""
    answers = [await person.ask(method, path, body) for _ in range(AT_ONCE)]
    assert all(answer.status < 300 for answer in answers), answers
    while answers[-1].status != 429 and len(answers) < 2 * AT_ONCE:  # a second may have gone by
        answers.append(await person.ask(method, path, body))
    return answers[-1]


async def test_who_reads_too_often_waits_and_then_may_and_nobody_else_notices(service: RunningService) -> None:
    wild, other = service.person("AGENT", teams=("orders",)), service.person("AGENT", teams=("orders",))
    before = limited(f"GET {CASES}")
    wait_s = refused(await until_refused(wild, "GET", CASES))
    assert wait_s == 1
    assert limited(f"GET {CASES}") > before
    assert (await other.ask("GET", CASES)).status == 200
    assert (await wild.ask("GET", "/support/agents/me")).status == 200
    assert (await wild.ask("POST", CASES, new_case())).status == 201
    async with another_api(service) as url:
        assert (await Person(service.session, url, wild.token).ask("GET", CASES)).status == 200, "its own buckets"
    await asyncio.sleep(wait_s)
    assert (await wild.ask("GET", CASES)).status == 200


@pytest.mark.parametrize("part", ["/timeline", "?includeTimeline=true"])
async def test_the_hot_road_counts_and_refuses_in_one_bucket_with_the_router(
    service: RunningService, part: str
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    agent = service.person("AGENT", teams=("orders",))
    path = f"{CASES}/{(await agent.open_case(order_id='o-1'))['ticket_id']}"
    refused(await until_refused(agent, "GET", path + part))
    by_router = path + ("/timeline?limit=100" if part == "/timeline" else "")
    refused(await agent.ask("GET", by_router))
    other = service.person("AGENT", teams=("orders",))
    assert (await other.ask("GET", path + part)).status == 200


async def test_a_write_that_is_refused_has_no_effect_and_its_body_is_not_looked_at(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    refused(await until_refused(agent, "POST", CASES, new_case()))
    there = await count(service, "support_tickets")
    refused(await agent.ask("POST", CASES, {"nope": 1}, idempotency_key="k"))
    assert await count(service, "support_tickets") == there
    assert await count(service, "idempotency_keys") == 0


async def test_a_machine_has_its_own_rates(service: RunningService) -> None:
    machine = service.person("SERVICE")
    answers = await asyncio.gather(*(machine.ask("POST", CASES, new_case()) for _ in range(3 * AT_ONCE)))
    assert {answer.status for answer in answers} == {201}


async def test_refusals_of_a_role_count_as_well(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    answers = [await agent.ask("GET", "/support/webhooks") for _ in range(AT_ONCE + 3)]
    assert {answer.status for answer in answers} == {403, 429}
    recorded = "support_agent_activity WHERE action = 'role.refused'"
    assert await count(service, recorded) == sum(answer.status == 403 for answer in answers)


async def test_an_address_from_which_many_tokens_prove_nothing_has_to_wait_but_not_those_who_are_signed_in(
    service: RunningService,
) -> None:
    known, fresh = service.person("AGENT", teams=("orders",)), service.person("AGENT", teams=("orders",))
    intruder = Person(service.session, service.url, "not.a.token")
    from_there = {"x_forwarded_for": "203.0.113.9"}
    assert (await known.ask("GET", CASES, **from_there)).status == 200
    statuses = [(await intruder.ask("GET", CASES, **from_there)).status for _ in range(AT_ONCE + 3)]
    assert statuses[:AT_ONCE] == [401] * AT_ONCE
    assert statuses[-1] == 429
    assert (await known.ask("GET", CASES, **from_there)).status == 200
    wait_s = refused(await fresh.ask("GET", CASES, **from_there))
    assert (await fresh.ask("GET", CASES, x_forwarded_for="203.0.113.8")).status == 200
    await asyncio.sleep(wait_s)
    newer = service.person("AGENT", teams=("orders",))
    assert (await newer.ask("GET", CASES, **from_there)).status == 200
