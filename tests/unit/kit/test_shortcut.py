"""An operation is the same by the shortcut as by the framework, which is not asked for it."""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Annotated, Any

import aiohttp
import pytest
from fastapi import APIRouter, FastAPI, Query, UploadFile
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from support.service import serving_asgi
from support_service.kit.problems import Problem
from support_service.kit.requests import Operation
from support_service.kit.shortcut import Shortcut
from support_service.kit.web import RequestContext, install_problem_handlers


class Refused(Problem):
    """It is refused."""

    status = 409
    code = "refused"


class _Asked(BaseModel):
    how: str


router = APIRouter(prefix="/things", route_class=Operation)
plain = APIRouter()


@router.post("")
async def write(asked: _Asked) -> Response:
    """Do what is asked."""
    if asked.how == "refuse":
        raise Refused
    if asked.how == "fail":
        raise RuntimeError("as asked")
    return Response(asked.how, 201)


@router.get("")
async def listed(limit: Annotated[int, Query(ge=1)] = 7) -> _Asked:
    """Say how many are asked for."""
    return _Asked(how=str(limit))


@router.get("/{thing}")
async def one(thing: int) -> Response:
    """Take a parameter in its path, as a number."""
    return Response(str(thing))


@router.get("/{thing}/named/{name}")
async def named(thing: int, name: str) -> Response:
    """Take two of them, as texts."""
    return Response(f"{name} {thing}")


@router.get("/{thing}/{rest:path}")
async def deep(thing: int, rest: str) -> Response:
    """Take what may hold slashes."""
    return Response(f"{rest} of {thing}")


@plain.post("/files")
async def upload(file: UploadFile) -> int:
    """Be no operation."""
    return len(await file.read())


class _Passed:
    """Remembers what has come to the framework."""

    paths: list[str]

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.paths.append(f"{scope['method']} {scope['path']}")
        await self._app(scope, receive, send)


def build(*, shortcut: bool) -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    app.include_router(router, prefix="/v1")
    app.include_router(plain, prefix="/v1")
    install_problem_handlers(app)
    app.add_middleware(_Passed)
    if shortcut:
        app.add_middleware(Shortcut, routes=app.routes)
    app.add_middleware(RequestContext)
    return app


@pytest.fixture(params=[False, True], ids=["framework", "shortcut"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    _Passed.paths = []
    async with serving_asgi(build(shortcut=request.param)) as address:
        yield f"{address}/v1"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "says"),
    [
        ("POST", "/things", {"json": {"how": "well"}}, 201, "well"),
        ("POST", "/things", {"json": {"how": "refuse"}}, 409, ":refused"),
        ("POST", "/things", {"json": {"how": "fail"}}, 500, ":internal"),
        ("POST", "/things", {"json": {"how": 1}}, 422, '"/how"'),
        ("POST", "/things", {"data": "how=well"}, 415, ":media-type-not-accepted"),
        ("GET", "/things?limit=2", {}, 200, '{"how":"2"}'),
        ("GET", "/things?limit=0", {}, 422, "limit"),
        ("GET", "/things?most=1", {}, 422, "no such parameter"),
        ("DELETE", "/things", {}, 405, "Method Not Allowed"),
        ("GET", "/things/3", {}, 200, "3"),
        ("GET", "/things/a", {}, 422, '"thing"'),
        ("GET", "/things/3/named/a%20b%2Fc", {}, 200, "named/a b/c of 3"),
        ("GET", "/things/3/named/a%20b", {}, 200, "a b 3"),
        ("GET", "/things/3/a/b/c", {}, 200, "a/b/c of 3"),
        ("GET", "/things/", {}, 404, "Not Found"),
    ],
)
async def test_an_answer_is_the_same_by_the_shortcut_as_by_the_framework(
    url: str, method: str, path: str, sent: dict[str, Any], status: int, says: str
) -> None:
    async with aiohttp.ClientSession() as session, session.request(method, url + path, **sent) as answer:
        assert (answer.status, says in await answer.text()) == (status, True), await answer.text()
        assert answer.headers["x-request-id"]


async def test_only_what_may_have_slashes_in_a_parameter_or_is_no_operation_comes_to_the_framework() -> None:
    _Passed.paths = []
    async with serving_asgi(build(shortcut=True)) as address, aiohttp.ClientSession() as session:
        asked: list[tuple[str, str, Any]] = [
            ("POST", "/v1/things", {"json": {"how": "well"}}),
            ("GET", "/v1/things", {}),
            ("GET", "/v1/things/3", {}),
            ("GET", "/v1/things/3/named/me", {}),
            ("GET", "/v1/things/3/4", {}),
            ("POST", "/v1/files", {"data": {"file": BytesIO(b"four")}}),
        ]
        for method, path, sent in asked:
            async with session.request(method, address + path, **sent) as answer:
                assert answer.status in {200, 201}
    assert _Passed.paths == ["GET /v1/things/3/4", "POST /v1/files"]
