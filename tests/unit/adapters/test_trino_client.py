"""The client protocol against a server that says what each test wants: what no Trino can be made to say on demand."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from support_service.adapters.trino import SignIn, TrinoClient, TrinoError
from support_service.adapters.trino.client import Answer
from support_service.config import Settings
from support_service.kit import logs
from support_service.wiring import trino_client

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

DONE: dict[str, Any] = {"id": "q", "columns": [{"name": "a"}], "data": [[1]]}


class Coordinator:
    """Answers requests in their order with what the test lined up, the last one for ever; remembers all requests."""

    def __init__(self) -> None:
        self.answers: list[Answering] = []
        self.requests: list[web.Request] = []
        self.bodies: list[str] = []
        self.url = ""

    def says(self, *pages: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Line up JSON pages; `{url}` in a `nextUri` is this server."""
        for page in pages:
            self.answers.append(self._saying(page, status, headers or {}))

    def _saying(self, page: Any, status: int, headers: dict[str, str]) -> Answering:
        async def answer(_: web.Request) -> web.Response:
            text = page if isinstance(page, str) else json.dumps(page).replace("{url}", self.url)
            return web.Response(status=status, text=text, headers=headers, content_type="application/json")

        return answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.text())
        if request.method == "DELETE":
            return web.Response(status=204)
        answering = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answering(request)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


@pytest.fixture
async def coordinator() -> AsyncIterator[Coordinator]:
    coordinator = Coordinator()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", coordinator.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    coordinator.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield coordinator
    await runner.cleanup()


async def ask(coordinator: Coordinator, *, deadline_s: float = 5, **options: Any) -> Answer:
    client = TrinoClient(coordinator.url, **options)
    try:
        return await client.query("SELECT 'Đơn'", deadline_s=deadline_s)
    finally:
        await client.close()


async def refused(coordinator: Coordinator, *, deadline_s: float = 5, **options: Any) -> TrinoError:
    with pytest.raises(TrinoError) as raised:
        await ask(coordinator, deadline_s=deadline_s, **options)
    return raised.value


def failed(name: str, kind: str) -> dict[str, Any]:
    return {"id": "q", "error": {"errorName": name, "errorType": kind, "message": "m"}}


async def test_the_rows_of_all_pages_are_one_answer(coordinator: Coordinator) -> None:
    first = "{url}/v1/statement/queued/q/s/1"
    coordinator.says({"nextUri": first}, {"nextUri": first, "columns": [{"name": "a"}], "data": [[1], [2]]}, DONE)
    answer = await ask(coordinator)
    assert answer.rows == [[1], [2], [1]]
    assert coordinator.asked == ["POST /v1/statement", *["GET /v1/statement/queued/q/s/1"] * 2]
    assert coordinator.bodies[0] == "SELECT 'Đơn'"


async def test_what_trino_is_told_about_a_query(coordinator: Coordinator) -> None:
    coordinator.says(DONE)
    logs.bind(request_id="r 1")
    try:
        await ask(coordinator, deadline_s=2, source="tag", session={"a": "b,c=d"}, sign_in=SignIn(user="u"))
    finally:
        logs.clear()
    headers = coordinator.requests[0].headers
    assert headers["X-Trino-User"] == "u"
    assert headers["X-Trino-Source"] == "tag"
    assert headers["X-Trino-Trace-Token"] == "r%201"
    assert headers["X-Trino-Session"] == "query_max_run_time=3000ms,a=b%2Cc%3Dd"
    assert headers["X-Trino-Client-Capabilities"] == "PARAMETRIC_DATETIME"
    assert "Authorization" not in headers


async def test_session_properties_are_an_operators_to_set(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator.says(DONE)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1/none")
    monkeypatch.setenv("TRINO_URL", coordinator.url)
    monkeypatch.setenv("TRINO_SESSION", "join_distribution_type=BROADCAST, task_concurrency=4")
    client = trino_client(Settings(), process="api")
    try:
        await client.query("SELECT 1", deadline_s=2)
    finally:
        await client.close()
    headers = coordinator.requests[0].headers
    assert headers["X-Trino-Session"].endswith(",join_distribution_type=BROADCAST,task_concurrency=4")
    assert headers["X-Trino-Source"] == "support-service-api"


async def test_a_password_and_a_token_are_sent_with_every_request(coordinator: Coordinator) -> None:
    coordinator.says({"nextUri": "{url}/v1/statement/x"}, DONE)
    await ask(coordinator, sign_in=SignIn(user="ü", password="pä:ss"))
    basic = "Basic " + base64.b64encode("ü:pä:ss".encode()).decode()
    assert [request.headers["Authorization"] for request in coordinator.requests] == [basic, basic]
    await ask(coordinator, sign_in=SignIn(user="u", token="a.b.c"))
    assert coordinator.requests[-1].headers["Authorization"] == "Bearer a.b.c"


async def test_a_next_page_is_asked_for_at_the_configured_address_whatever_host_it_names(
    coordinator: Coordinator,
) -> None:
    coordinator.says({"nextUri": "http://elsewhere.invalid:1/v1/statement/queued/q?slug=%2F"}, DONE)
    assert (await ask(coordinator)).rows == [[1]]
    assert coordinator.requests[-1].raw_path == "/v1/statement/queued/q?slug=%2F"


@pytest.mark.parametrize("following", ["{url}/other", "/v1/../secret", 7, ""])
async def test_a_next_page_that_is_none_of_trinos_is_not_asked_for(coordinator: Coordinator, following: object) -> None:
    coordinator.says({"nextUri": following})
    assert (await refused(coordinator)).reason == "malformed"
    assert len(coordinator.requests) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_coordinator_without_time_is_asked_again(coordinator: Coordinator, status: int) -> None:
    coordinator.says("", "", status=status)
    coordinator.says(DONE)
    assert (await ask(coordinator)).rows == [[1]]
    assert len(coordinator.requests) == 3


@pytest.mark.parametrize(("status", "reason"), [(429, "limit"), (502, "unavailable"), (503, "unavailable")])
async def test_but_not_for_ever(coordinator: Coordinator, status: int, reason: str) -> None:
    coordinator.says("", status=status)
    error = await refused(coordinator, patience_s=0.3)
    assert error.reason == reason
    assert 2 <= len(coordinator.requests) <= 4


async def test_nor_when_it_asks_for_more_patience_than_there_is(coordinator: Coordinator) -> None:
    coordinator.says("", status=429, headers={"Retry-After": "30"})
    assert (await refused(coordinator)).reason == "limit"
    assert len(coordinator.requests) == 1


@pytest.mark.parametrize("status", [301, 401, 403, 404, 410, 500])
async def test_any_other_status_is_final_and_no_redirect_is_followed(coordinator: Coordinator, status: int) -> None:
    coordinator.says("", status=status, headers={"Location": "/v1/statement/elsewhere"})
    error = await refused(coordinator)
    assert (error.name, error.reason) == (f"HTTP_{status}", "unavailable")
    assert len(coordinator.requests) == 1


async def test_while_trino_starts_the_statement_is_sent_again(coordinator: Coordinator) -> None:
    starting = failed("SERVER_STARTING_UP", "INTERNAL_ERROR")
    coordinator.says(starting, starting, DONE)
    assert (await ask(coordinator)).rows == [[1]]
    coordinator.answers.clear()
    coordinator.says(starting)
    assert (await refused(coordinator, patience_s=0.3)).reason == "starting"


@pytest.mark.parametrize(
    ("name", "kind", "reason", "perhaps_one_catalog"),
    [
        ("JDBC_ERROR", "EXTERNAL", "unavailable", True),
        ("INVALID_VIEW", "USER_ERROR", "rejected", True),
        ("EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES", "limit", True),
        ("EXCEEDED_LOCAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES", "limit", False),
        ("QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", "limit", False),
        ("TABLE_NOT_FOUND", "USER_ERROR", "rejected", False),
        ("PERMISSION_DENIED", "USER_ERROR", "rejected", False),
        ("SERVER_SHUTTING_DOWN", "INTERNAL_ERROR", "unavailable", False),
        ("ADMINISTRATIVELY_KILLED", "USER_ERROR", "limit", False),
        ("NEW_IN_477", "NEW_KIND", "unavailable", False),
    ],
)
async def test_trinos_errors_by_their_class(
    coordinator: Coordinator, *, name: str, kind: str, reason: str, perhaps_one_catalog: bool
) -> None:
    coordinator.says(failed(name, kind))
    error = await refused(coordinator)
    assert (error.name, error.reason, error.perhaps_one_catalog) == (name, reason, perhaps_one_catalog)


@pytest.mark.parametrize(
    "page", ["", "[]", "{", "[" * 100_000, {"error": 7}, {"data": {"encoding": "json"}}, {"data": 7}]
)
async def test_an_unreadable_answer_is_malformed(coordinator: Coordinator, page: object) -> None:
    coordinator.says(page)
    assert (await refused(coordinator)).reason == "malformed"


async def test_all_pages_together_are_bounded_and_the_query_is_taken_back(coordinator: Coordinator) -> None:
    coordinator.says({"nextUri": "{url}/v1/statement/q/2", "data": [["x" * 500]]})
    error = await refused(coordinator, largest_answer=5_000)
    assert error.reason == "limit"
    assert coordinator.asked[-1] == "DELETE /v1/statement/q/2"
    assert 5 < len(coordinator.requests) < 12


async def test_a_lost_connection_is_tried_once_more(coordinator: Coordinator) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    coordinator.says({"nextUri": "{url}/v1/statement/q/1"})
    coordinator.answers.append(hang_up)
    coordinator.says(DONE)
    assert (await ask(coordinator)).rows == [[1]]
    coordinator.answers[:] = [hang_up]  # a statement is not asked for again by aiohttp itself
    coordinator.says(DONE)
    assert (await ask(coordinator)).rows == [[1]]
    coordinator.answers[:] = [hang_up]
    error = await refused(coordinator)
    assert (error.name, error.reason) == ("UNREACHABLE", "unavailable")


async def test_nobody_there_is_known_at_once() -> None:
    client = TrinoClient("http://127.0.0.1:1")
    with pytest.raises(TrinoError, match="UNREACHABLE"):
        await client.query("SELECT 1", deadline_s=5)
    await client.close()


async def test_a_caller_that_goes_away_or_runs_out_of_time_takes_its_query_back(coordinator: Coordinator) -> None:
    async def stay_silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(10)
        return web.Response()

    coordinator.says({"nextUri": "{url}/v1/statement/q/1"})
    coordinator.answers.append(stay_silent)
    assert (await refused(coordinator, deadline_s=0.2)).reason == "timeout"
    assert coordinator.asked[-1] == "DELETE /v1/statement/q/1"
    coordinator.answers.insert(0, coordinator._saying({"nextUri": "{url}/v1/statement/q/2"}, 200, {}))
    asking = asyncio.create_task(ask(coordinator))
    await asyncio.sleep(0.2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert coordinator.asked[-1] == "DELETE /v1/statement/q/2"


async def test_the_wait_for_a_turn_is_within_the_deadline(coordinator: Coordinator) -> None:
    async def take_long(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(DONE)

    coordinator.answers.append(take_long)
    client = TrinoClient(coordinator.url, in_flight=1)
    first, second = await asyncio.gather(
        *(client.query("SELECT 1", deadline_s=0.45) for _ in range(2)), return_exceptions=True
    )
    assert isinstance(first, Answer)
    assert isinstance(second, TrinoError)
    assert second.reason == "timeout"
    await client.close()


@pytest.mark.parametrize("url", ["trino:8080", "ftp://t", "http://", "https://u:p@t", "https://t/path", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        TrinoClient(url)


@pytest.mark.parametrize("sign_in", [SignIn(password="p"), SignIn(token="t")])
def test_no_secret_travels_in_the_clear(sign_in: SignIn) -> None:
    with pytest.raises(ValueError, match="needs https"):
        TrinoClient("http://trino.example:8080", sign_in=sign_in)
    TrinoClient("https://trino.example:8443", sign_in=sign_in)


def test_a_secret_is_not_shown() -> None:
    assert "hunter2" not in repr(SignIn(password="hunter2", token="hunter2"))
