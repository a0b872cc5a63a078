"""Every error is an RFC 9457 problem that says what is wrong and repeats nothing of what was sent."""

import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from support.api import CASES, count, new_case, pointers, problem, send
from support.postgres import DatabaseDsns
from support.service import Answer, Person, RunningService
from support_service.kit.database import Database
from support_service.kit.web import LARGEST_BODY

SENT = "PLANTED"


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


def plain(answer: Answer) -> int:
    """The status of a problem that says no more than its status does."""
    status, kind = problem(answer)
    assert kind == "about:blank"
    return status


def assert_untold(answer: Answer) -> None:
    assert SENT not in f"{answer.body} {dict(answer.headers)}"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_body_that_is_no_json_object_is_refused_as_a_problem(service: RunningService, agent: Person) -> None:
    good = json.dumps(new_case(subject=SENT)).encode()
    for unreadable in (good[:-1], b"PLANTED", good.replace(b"PLANTED", b"PLANTED \xff"), b"[" * 100_000):
        answer = await send(service, "POST", CASES, unreadable, agent.token)
        assert problem(answer) == (400, "body-unreadable"), unreadable[:100]
        assert_untold(answer)
    for no_object in (b"", b"[]", b"null", b'"PLANTED"'):
        answer = await send(service, "POST", CASES, no_object, agent.token)
        assert pointers(answer) == [""], no_object
        assert_untold(answer)
    for not_said_to_be_json in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await send(service, "POST", CASES, good, agent.token, content_type=not_said_to_be_json)
        assert problem(answer) == (415, "media-type-not-accepted")
        assert_untold(answer)
    assert await count(service, "support_tickets") == 0


async def test_a_refused_field_is_named_and_its_value_not_repeated(service: RunningService, agent: Person) -> None:
    ticket_id = (await agent.open_case())["ticket_id"]
    wrong: dict[str, Any] = {
        "customer_id": f"{SENT} {SENT}", "channel": SENT, "subject": f"{SENT}\0", "description": [SENT],
        "priority": SENT, "language": f"{SENT}!", "contact": SENT, "metadata": [SENT], "a/b~c": SENT,
    }  # fmt: skip
    answer = await agent.ask("POST", CASES, wrong)
    assert pointers(answer) == sorted(["/a~1b~0c", *(f"/{name}" for name in wrong if name != "a/b~c")])
    assert_untold(answer)
    for method, path, body in (
        ("POST", f"{CASES}/{ticket_id}/messages", {"message": {"x": SENT}, "seen_through": SENT}),
        ("PATCH", f"{CASES}/{ticket_id}", {"status": SENT, "assignee": SENT, "tags": [{SENT: SENT}]}),
        ("GET", f"{CASES}?status={SENT}&assignee={SENT}&limit={SENT}", None),
        ("GET", f"{CASES}/{SENT}", None),
        ("GET", f"{CASES}/{ticket_id}/timeline?limit={SENT}", None),
        ("GET", f"/support/agents/{SENT}/workload", None),
    ):
        answer = await agent.ask(method, path, body, if_match='"1"')
        assert pointers(answer)
        assert_untold(answer)
    assert_untold(await agent.ask("GET", f"{CASES}?cursor={SENT}"))
    assert_untold(await agent.ask("PATCH", f"{CASES}/{ticket_id}", {}, if_match=SENT))


async def test_many_wrong_fields_make_no_long_answer(service: RunningService, agent: Person) -> None:
    answer = await agent.ask("POST", CASES, {f"nope{n}": 1 for n in range(5_000)})
    assert len(pointers(answer)) <= 20


async def chunks(size: int) -> AsyncIterator[bytes]:
    body = json.dumps(new_case(subject=SENT)).encode()
    yield body[:-1]
    for _ in range((size - len(body)) // 50_000 + 1):
        yield b" " * 50_000
    yield body[-1:]


async def test_a_body_over_a_megabyte_is_413_with_and_without_its_length_told(
    service: RunningService, agent: Person
) -> None:
    ticket_id = (await agent.open_case())["ticket_id"]
    before = await count(service, "support_conversations")
    for method, path in (
        ("POST", CASES), ("POST", f"{CASES}/{ticket_id}/messages"), ("PATCH", f"{CASES}/{ticket_id}"),
    ):  # fmt: skip
        large = json.dumps(new_case(subject=SENT)).encode().ljust(LARGEST_BODY + 1)
        for body in (large, chunks(2 * LARGEST_BODY)):
            answer = await send(service, method, path, body, agent.token, if_match='"1"')
            assert problem(answer) == (413, "body-too-large")
            assert_untold(answer)
    assert await count(service, "support_conversations") == before
    for body in (json.dumps(new_case()).encode().ljust(LARGEST_BODY), chunks(LARGEST_BODY // 2)):
        assert (await send(service, "POST", CASES, body, agent.token)).status == 201


async def test_a_wrong_method_is_405_and_an_unknown_path_404(service: RunningService, agent: Person) -> None:
    for method, path, allowed in (
        ("DELETE", CASES, "GET, POST"),
        ("PUT", f"{CASES}/{uuid4()}", "GET, PATCH"),
        ("POST", f"{CASES}/{uuid4()}/timeline", "GET"),
        ("PUT", f"/support/webhooks/{uuid4()}", "DELETE, GET, PATCH"),
        ("POST", "/healthz", "GET"),
    ):
        answer = await send(service, method, path, b"{}", agent.token)
        assert plain(answer) == 405
        assert answer.headers["allow"] == allowed
        assert_untold(answer)
    for path in (f"/{SENT}", "/support", f"/support/{SENT}", f"{CASES}/{uuid4()}/{SENT}", "/docs/x", "/support/agents"):
        answer = await send(service, "GET", path, None, agent.token)
        assert plain(answer) == 404
        assert_untold(answer)
    async with service.session.head(service.url + CASES) as head:
        assert (head.status, head.headers["content-type"]) == (405, "application/problem+json")


async def test_a_request_id_that_is_one_is_kept_and_any_other_replaced(service: RunningService, agent: Person) -> None:
    kept = await agent.ask("GET", CASES, x_request_id="from.the-proxy_1")
    assert kept.headers["x-request-id"] == "from.the-proxy_1"
    for other in ("short", "x" * 65, "with a space"):
        replaced = await agent.ask("GET", CASES, x_request_id=other)
        assert replaced.headers["x-request-id"] != other


async def test_a_request_that_is_part_of_a_trace_is_known_by_it(service: RunningService, agent: Person) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    part = await agent.ask("GET", CASES, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert part.headers["x-request-id"] == trace
    both = await agent.ask("GET", CASES, traceparent=f"00-{trace}-00f067aa0ba902b7-01", x_request_id="by-its-caller")
    assert both.headers["x-request-id"] == "by-its-caller"
    for none in (
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"ff-{trace}-00f067aa0ba902b7-01",
        trace,
        f"00-{trace}-{'0' * 16}-01",
    ):
        new = (await agent.ask("GET", CASES, traceparent=none)).headers["x-request-id"]
        assert len(new) == 32
        assert new not in {trace, "0" * 32}


async def test_a_database_that_fails_is_a_500_and_one_that_is_away_a_503_and_neither_tells_why(
    service: RunningService, agent: Person, database_dsns: DatabaseDsns
) -> None:
    await agent.get(CASES)  # signed in
    owner = Database(database_dsns.owner, name="test-owner", max_size=1)
    async with owner.connection() as connection:
        await connection.execute("ALTER TABLE support_tickets RENAME TO support_tickets_away")
        failed = await agent.ask("POST", CASES, new_case(subject=SENT))
        await connection.execute("ALTER TABLE support_tickets_away RENAME TO support_tickets")
    await owner.close()
    assert problem(failed) == (500, "internal")
    assert failed.body["detail"] == failed.body["title"]
    assert_untold(failed)

    with socket.create_server(("127.0.0.1", 0)) as unused:
        nowhere = f"127.0.0.1:{unused.getsockname()[1]}"
    database = service.api.database
    pool, dsn = database._pool, database._dsn
    database._pool, database._dsn = None, f"postgresql://nobody@{nowhere}/none"
    away = await agent.ask("POST", CASES, new_case(subject=SENT))
    not_ready = await send(service, "GET", "/readyz")
    alive = await send(service, "GET", "/healthz")
    database._pool, database._dsn = pool, dsn
    assert problem(away) == (503, "database-unavailable")
    assert_untold(away)
    assert (not_ready.status, not_ready.body["checks"]["database"]) == (503, "database-unavailable")
    assert alive.status == 200
    assert (await agent.ask("POST", CASES, new_case())).status == 201
