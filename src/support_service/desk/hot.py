"""The hot road: what agents' screens ask for every few seconds, answered in front of the router.

It serves `GET /support/cases/{ticket_id}/timeline` and `GET /support/cases/{ticket_id}?includeTimeline=true` to whoever
was verified before and whose role may. It decides and answers by the very functions that the documented routes call
(`Guard`, `MATRIX`, `Desk`, `problem_of`), and lets everything else pass to the router: other tokens, refused roles, other
pages. Going through the framework would cost several times what the answer does.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple
from uuid import UUID

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from support_service.desk.schemas import PageQuery
from support_service.desk.service import Desk
from support_service.directory import MATRIX, Action, Guard, Principal, Role
from support_service.kit import logs
from support_service.kit.web import ANSWER_HEADERS, account, first_headers, observed_route, problem_of, request_id_of
from support_service.timeline import Served

_PREFIX = "/support/cases/"
_ID_ENDS = len(_PREFIX) + 36
_LOGGED_A_SECOND = 10


@dataclass(frozen=True, slots=True)
class _Lane:
    """One route that has a hot road."""

    route: str
    allowed: Sequence[frozenset[Role]]
    """Of each of these sets one role is needed."""
    known: Callable[..., Awaitable[Served | None]]
    """Answers at once, or not at all."""
    read: Callable[..., Awaitable[Served]]
    """Answers, or raises what there is to say."""
    observe: Mapping[int, Callable[[float], None]]
    """By status."""

    def open_to(self, principal: Principal) -> bool:
        """Whether the principal's roles may go here."""
        return not any(map(principal.roles.isdisjoint, self.allowed))


class HotRoad:
    """An ASGI layer around the application."""

    def __init__(self, app: ASGIApp, desk: Desk, guard: Guard) -> None:
        """Answer by `desk` who is known to `guard`, let the rest pass to `app`."""
        self._app = app
        self._guard = guard
        self._second = self._logged = self._unlogged = 0
        case, timeline = _PREFIX + "{ticket_id}", _PREFIX + "{ticket_id}/timeline"
        of_timeline, of_case = [MATRIX[Action.TIMELINE_READ]], [MATRIX[Action.CASE_READ], MATRIX[Action.TIMELINE_READ]]
        whole = partial(desk.read_case, include_timeline=True)
        first = partial(desk.ask_for_timeline, page=PageQuery())
        self._lanes = {
            ("/timeline", b""): _Lane(timeline, of_timeline, desk.hot_timeline, first, _observed(timeline)),
            ("", b"includeTimeline=true"): _Lane(case, of_case, desk.hot_case, whole, _observed(case)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        lane = self._lane(scope)
        if lane is not None:
            started = time.perf_counter()
            ticket_id, asked = _ticket_id(scope["path"]), first_headers(scope)
            principal = await self._principal(asked.get(b"authorization"))
            if ticket_id is not None and principal is not None and lane.open_to(principal):
                look = _Look(principal, ticket_id, request_id_of(asked), asked.get(b"if-none-match"))
                status, logged = await self._serve(lane, look, scope, send)
                seconds = time.perf_counter() - started
                if logged is None:
                    lane.observe[status](seconds)
                else:
                    account("GET", lane.route, status, seconds, **logged)
                return
        await self._app(scope, receive, send)

    def _lane(self, scope: Scope) -> _Lane | None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_PREFIX):
            return None
        return self._lanes.get((scope["path"][_ID_ENDS:], scope["query_string"]))

    async def _principal(self, authorization: bytes | None) -> Principal | None:
        if authorization is None:
            return None
        return self._guard.remembered(authorization) or await self._guard.returning(authorization)

    async def _serve(
        self, lane: _Lane, look: "_Look", scope: Scope, send: Send
    ) -> tuple[int, Mapping[str, object] | None]:
        """Answer; returns the status, and what to add to the log line unless there is to be none.

        Of good answers ten a second at most are logged, and say for how many they stand: they are all alike.
        """
        logged = self._sample()
        seen = None if look.if_none_match is None else look.if_none_match.decode("latin-1")
        try:
            served = await lane.known(look.principal, look.ticket_id, request_id=look.request_id, if_none_match=seen)
            if served is None or logged is not None:
                logs.clear()
                logs.bind(request_id=look.request_id, agent_id=look.principal.principal_id, ticket_id=look.ticket_id)
            if served is None:
                served = await lane.read(look.principal, look.ticket_id, if_none_match=seen)
            await _send(send, served.status, served.headers, served.body, look.request_id)
        except Exception as error:  # noqa: BLE001 - told as the framework tells it
            answer = await problem_of(Request(scope), error)
            await _send(send, answer.status_code, answer.raw_headers, bytes(answer.body), look.request_id)
            return answer.status_code, logged or {}
        return served.status, logged

    def _sample(self) -> Mapping[str, object] | None:
        self._unlogged += 1
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._logged = second, 0
        if self._logged >= _LOGGED_A_SECOND:
            return None
        sampled, self._unlogged = self._unlogged, 0
        self._logged += 1
        return {"sampled": sampled} if sampled > 1 else {}


class _Look(NamedTuple):
    """Who wants to look at which case."""

    principal: Principal
    ticket_id: UUID
    request_id: str
    if_none_match: bytes | None


def _observed(route: str) -> Mapping[int, Callable[[float], None]]:
    return {status: observed_route("GET", route, status) for status in (200, 304)}


@lru_cache(maxsize=10_000)
def _ticket_id(path: str) -> UUID | None:
    try:
        return UUID(path[len(_PREFIX) : _ID_ENDS])
    except ValueError:
        return None


async def _send(send: Send, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes, request_id: str) -> None:
    sent = [*ANSWER_HEADERS, (b"x-request-id", request_id.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
