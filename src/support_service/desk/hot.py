"""The hot road: what agents' screens ask for every few seconds, answered in front of the router.

It serves `GET /support/cases/{ticket_id}/timeline` and `GET /support/cases/{ticket_id}?includeTimeline=true` to whoever
was verified before and whose role may. It decides and answers by the very functions that the documented routes call
(`Guard`, `MATRIX`, `Desk`, `problem_of`), and lets everything else pass to the router: other tokens, refused roles, other
pages. Going through the framework would cost several times what the answer does.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from support_service.desk.schemas import PageQuery
from support_service.desk.service import Desk
from support_service.directory import MATRIX, Action, Guard, Principal
from support_service.kit import logs
from support_service.kit.web import ANSWER_HEADERS, account, observed_route, problem_of, request_id_of
from support_service.timeline import Served

_PREFIX = "/support/cases/"
_ID_ENDS = len(_PREFIX) + 36
_LOGGED_ONE_IN = 100

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Lane:
    """One route that has a hot road."""

    route: str
    actions: tuple[Action, ...]
    known: Callable[..., Awaitable[Served | None]]
    """Answers at once, or not at all."""
    read: Callable[..., Awaitable[Served]]
    """Answers, or raises what there is to say."""
    observe: Mapping[int, Callable[[float], None]]
    """By status."""

    def open_to(self, principal: Principal) -> bool:
        """Whether the principal's roles may go here."""
        return not any(principal.roles.isdisjoint(MATRIX[action]) for action in self.actions)


class HotRoad:
    """An ASGI layer around the application."""

    def __init__(self, app: ASGIApp, desk: Desk, guard: Guard) -> None:
        """Answer by `desk` who is known to `guard`, let the rest pass to `app`."""
        self._app = app
        self._guard = guard
        self._answered = 0
        case, timeline = _PREFIX + "{ticket_id}", _PREFIX + "{ticket_id}/timeline"
        read = (Action.TIMELINE_READ,)
        whole = partial(desk.read_case, include_timeline=True)
        first = partial(desk.read_timeline, page=PageQuery())
        self._lanes = {
            ("/timeline", b""): _Lane(timeline, read, desk.hot_timeline, first, _observed(timeline)),
            ("", b"includeTimeline=true"): _Lane(
                case, (Action.CASE_READ, *read), desk.hot_case, whole, _observed(case)
            ),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        lane = self._lane(scope)
        if lane is not None:
            started = time.perf_counter()
            ticket_id = _ticket_id(scope["path"])
            principal = await self._principal(scope)
            if ticket_id is not None and principal is not None and lane.open_to(principal):
                await self._serve(lane, principal, ticket_id, scope, send, started=started)
                return
        await self._app(scope, receive, send)

    def _lane(self, scope: Scope) -> _Lane | None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_PREFIX):
            return None
        return self._lanes.get((scope["path"][_ID_ENDS:], scope["query_string"]))

    async def _principal(self, scope: Scope) -> Principal | None:
        authorization = _header(scope, b"authorization")
        if authorization is None:
            return None
        return self._guard.remembered(authorization) or await self._guard.returning(authorization)

    async def _serve(
        self, lane: _Lane, principal: Principal, ticket_id: UUID, scope: Scope, send: Send, *, started: float
    ) -> None:
        request_id = request_id_of(scope["headers"])
        seen = _header(scope, b"if-none-match")
        if_none_match = None if seen is None else seen.decode("latin-1")
        sampled: dict[str, object] = {}
        logged = True
        try:
            served = await lane.known(principal, ticket_id, request_id=request_id, if_none_match=if_none_match)
            if served is not None:  # they are all alike: of a hundred one is logged
                self._answered += 1
                logged = self._answered % _LOGGED_ONE_IN == 1
                sampled["sampled"] = _LOGGED_ONE_IN
            if logged:
                logs.clear()
                logs.bind(request_id=request_id, agent_id=principal.principal_id, ticket_id=ticket_id)
            served = served or await lane.read(principal, ticket_id, if_none_match=if_none_match)
            status = served.status
            await _send(send, status, served.headers, served.body, request_id)
        except Exception as error:  # noqa: BLE001 - told as the framework tells it
            answer = await problem_of(Request(scope), error)
            status = answer.status_code
            await _send(send, status, answer.headers, bytes(answer.body), request_id)
        seconds = time.perf_counter() - started
        if logged:
            account("GET", lane.route, status, seconds, **sampled)
        else:
            lane.observe[status](seconds)


def _observed(route: str) -> Mapping[int, Callable[[float], None]]:
    return {status: observed_route("GET", route, status) for status in (200, 304)}


def _ticket_id(path: str) -> UUID | None:
    try:
        return UUID(path[len(_PREFIX) : _ID_ENDS])
    except ValueError:
        return None


def _header(scope: Scope, name: bytes) -> bytes | None:
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value)
    return None


async def _send(send: Send, status: int, headers: Mapping[str, str], body: bytes, request_id: str) -> None:
    sent = [
        *ANSWER_HEADERS,
        (b"x-request-id", request_id.encode()),
        *[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    ]
    if body and "content-type" not in headers:
        sent += ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
