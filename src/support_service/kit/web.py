"""HTTP without a word of the domain: request ids, one log line and one metric a request, bounded bodies, problems.

All of it is pure ASGI; a middleware that wraps responses would cost more than most requests do.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from random import getrandbits
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from support_service.kit import logs, metrics
from support_service.kit.database import DatabaseError, DatabaseUnavailable, LostConnection
from support_service.kit.field_errors import FieldError, field_errors
from support_service.kit.problems import MEDIA_TYPE, TYPE_PREFIX, Problem, TooLarge
from support_service.kit.traces import trace_in

LARGEST_BODY = 1_000_000
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
ANSWER_HEADERS = (("x-content-type-options", "nosniff"), ("cache-control", "no-store"))
"""Headers of every answer, unless a route says otherwise."""

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_UNROUTED = "unrouted"
_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR.value

_log = logs.get_logger(__name__)


class BodyTooLarge(TooLarge):
    """The body is larger than is accepted."""

    def __init__(self, most: int) -> None:
        super().__init__(f"A request body may hold at most {most} bytes.")


class RequestContext:
    """Outermost layer: gives the request its id, bounds its body, and tells the log and the metrics how it went."""

    def __init__(self, app: ASGIApp, *, larger: Mapping[str, int] | None = None) -> None:
        """Wrap an application; `larger` are the bounds of bodies, in bytes, of paths that have their own."""
        self._app = app
        self._larger = dict(larger or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        header = first_header_of(scope)
        request_id = request_id_of(header)
        logs.clear()
        logs.bind(request_id=request_id)
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["x-request-id"] = request_id
                for name, value in ANSWER_HEADERS:
                    answer.setdefault(name, value)
            await send(message)

        try:
            most = self._larger.get(scope["path"], LARGEST_BODY)
            if int(header("content-length") or 0) > most:
                await problem_of(BodyTooLarge(most))(scope, receive, send_with_id)
            else:
                await self._app(scope, _bounded(receive, most), send_with_id)
        except Exception as error:
            if status is not None:
                raise
            await problem_of(error)(scope, receive, send_with_id)  # the framework would answer without an id
        finally:
            route = getattr(scope.get("route"), "path", _UNROUTED)
            account(scope["method"], route, status or _FAILED, time.perf_counter() - started)


def first_header_of(scope: Scope) -> Callable[[str], str | None]:
    """Gives a request's header by its lower-case name; of one that is there twice the first."""
    return Headers(scope=scope).get


def request_id_of(header: Callable[[str], str | None]) -> str:
    """The id that a request bears: its caller's, if it is a plausible one, else that of the trace that it is part of.

    That is the trace id of W3C Trace Context (`traceparent`), and so is a new id, with which a trace can begin.
    """
    given = header("x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    parent = header("traceparent")
    if parent is not None and (trace := trace_in(parent)) is not None:
        return trace
    return f"{getrandbits(128):032x}"  # no secret, and made for each of thousands of requests a second


@lru_cache(maxsize=1_024)
def observed_route(method: str, route: str, status: int) -> Callable[[float], None]:
    """What counts a request of this route that was answered with this status, given its seconds."""
    return metrics.REQUEST_SECONDS.labels(method, route, str(status)).observe


def account(method: str, route: str, status: int, seconds: float, **ids: object) -> None:
    """Tell the log and the metrics of a request that was answered; `ids` are added to what is bound to the line."""
    observed_route(method, route, status)(seconds)
    level = _log.error if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _log.info
    level("http.request", method=method, route=route, status=status, ms=round(seconds * 1000, 1), **ids)


def _bounded(receive: Receive, most: int) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise BodyTooLarge(most)
        return message

    return bounded


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of this application an RFC 9457 problem, the framework's own included."""
    for kind in _ANSWERS:
        app.add_exception_handler(kind, _handle)


def problem_of(error: Exception) -> Response:
    """The answer to an error, which is logged where it is ours."""
    answer = next(_ANSWERS[kind] for kind in type(error).__mro__ if kind in _ANSWERS)
    return answer(error)


async def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"allow": ", ".join(_methods_of(request))}
    return problem_of(error)


def _methods_of(request: Request) -> list[str]:
    """The methods that a path is asked with, over all its routes; the framework tells those of the first."""
    asked = {"type": "http", "path": request.scope["path"], "root_path": request.scope.get("root_path", "")}
    return [
        method
        for method in _METHODS
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


def problem_response(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """The answer that carries a problem's body."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status_code=body["status"], media_type=MEDIA_TYPE, headers=headers)


def _plain(status: int) -> dict[str, Any]:
    """A problem that says no more than its status does: RFC 9457, section 4.2.1."""
    phrase, detail = HTTPStatus(status).phrase, HTTPStatus(status).description
    return {"type": "about:blank", "title": phrase, "status": status, "detail": f"{detail or phrase}."}


def _on_problem(error: Problem) -> Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("http.problem", code=error.code, exc_info=error)
    return problem_response(error.body(), error.headers)


def _on_invalid(error: RequestValidationError) -> Response:
    return problem_response(
        {
            "type": f"{TYPE_PREFIX}invalid-input",
            "title": "The request cannot be accepted as it is.",
            "status": 422,
            "detail": "What is wrong with which part of it is in `errors`.",
            "errors": field_errors(error.errors()),
        }
    )


def _on_http_error(error: HTTPException) -> Response:
    return problem_response(_plain(error.status_code), dict(error.headers or {}))


def _on_lost_database(error: Exception) -> Response:
    _log.warning("http.database_lost", exc_info=error)
    return problem_response(DatabaseUnavailable().body(), {"retry-after": "1"})


def _on_database_error(error: Exception) -> Response:
    _log.error("http.database_error", sqlstate=getattr(error, "sqlstate", None), exc_info=error)
    return problem_response(Problem().body())


def _on_anything(error: Exception) -> Response:
    _log.error("http.failed", exc_info=error)
    return problem_response(Problem().body())


_ANSWERS: Mapping[type[Exception], Callable[[Any], Response]] = {
    Problem: _on_problem,
    RequestValidationError: _on_invalid,
    HTTPException: _on_http_error,
    **dict.fromkeys(LostConnection, _on_lost_database),
    DatabaseError: _on_database_error,
    Exception: _on_anything,
}


class ProblemBody(BaseModel):
    """An error, as RFC 9457 writes it; docs/problems.md lists every type."""

    type: str = Field(description="`about:blank`, or a URN that says what went wrong.")
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldError] = Field(default=[], description="With a 422: at most 20 things that are wrong.")


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the problems that a route can answer with; any can fail, so 500 is always there."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in (*statuses, HTTPStatus.INTERNAL_SERVER_ERROR.value)
    }
