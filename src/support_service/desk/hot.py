"""The hot road: what agents' screens ask for every few seconds, answered in front of the router.

It answers `GET /support/cases/{ticket_id}/timeline` and `GET /support/cases/{ticket_id}?includeTimeline=true` when this
process knows all it takes: the token was verified lately, the case and the timeline's page are current. It decides and
answers by the very functions that the documented routes call (`Guard.remembered`, `MATRIX`, `Desk.hot_timeline`,
`Desk.hot_case`), and lets everything else pass to the router: refusals, other pages, first reads. Going through the
framework would cost several times what the answer does.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from support_service.desk.service import Desk
from support_service.directory import MATRIX, Action, Guard, Principal
from support_service.kit import logs
from support_service.kit.web import ANSWER_HEADERS, observed_route, request_id_of
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
    answer: Callable[..., Awaitable[Served | None]]
    observe: Mapping[int, Callable[[float], None]]
    """By status."""

    def open_to(self, principal: Principal) -> bool:
        """Whether the principal's roles may go here."""
        return not any(principal.roles.isdisjoint(MATRIX[action]) for action in self.actions)


class HotRoad:
    """An ASGI layer around the application."""

    def __init__(self, app: ASGIApp, desk: Desk, guard: Guard) -> None:
        """Answer what `desk` knows, let the rest pass to `app`."""
        self._app = app
        self._guard = guard
        self._answered = 0
        case, timeline = _PREFIX + "{ticket_id}", _PREFIX + "{ticket_id}/timeline"
        read = (Action.TIMELINE_READ,)
        self._lanes = {
            ("/timeline", b""): _Lane(timeline, read, desk.hot_timeline, _observed(timeline)),
            ("", b"includeTimeline=true"): _Lane(case, (Action.CASE_READ, *read), desk.hot_case, _observed(case)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or not await self._answer(scope, send):
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> bool:
        path = scope["path"]
        lane = self._lanes.get((path[_ID_ENDS:], scope["query_string"]))
        if lane is None or not path.startswith(_PREFIX):
            return False
        started = time.perf_counter()
        try:
            ticket_id = UUID(path[len(_PREFIX) : _ID_ENDS])
        except ValueError:
            return False
        principal = self._principal(scope)
        if principal is None or not lane.open_to(principal):
            return False
        request_id = request_id_of(scope["headers"])
        known = _header(scope, b"if-none-match")
        if_none_match = None if known is None else known.decode("latin-1")
        served = await lane.answer(principal, ticket_id, request_id=request_id, if_none_match=if_none_match)
        if served is None:
            return False
        content = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(served.body)))
        headers = [
            *ANSWER_HEADERS,
            *(content if served.body else ()),
            (b"x-request-id", request_id.encode()),
            *[(name.encode(), value.encode()) for name, value in served.headers.items()],
        ]
        await send({"type": "http.response.start", "status": served.status, "headers": headers})
        await send({"type": "http.response.body", "body": served.body})
        seconds = time.perf_counter() - started
        self._account(lane, served.status, principal.principal_id, ticket_id, request_id, seconds=seconds)
        return True

    def _principal(self, scope: Scope) -> Principal | None:
        authorization = _header(scope, b"authorization")
        return None if authorization is None else self._guard.remembered(authorization)

    def _account(
        self, lane: _Lane, status: int, agent_id: UUID, ticket_id: UUID, request_id: str, *, seconds: float
    ) -> None:
        """The metric of every request, and the log line of one in a hundred: they are all alike."""
        lane.observe[status](seconds)
        self._answered += 1
        if self._answered % _LOGGED_ONE_IN == 1:
            _log.info(
                "http.request",
                method="GET",
                route=lane.route,
                status=status,
                ms=round(seconds * 1000, 1),
                sampled=_LOGGED_ONE_IN,
                agent_id=str(agent_id),
                ticket_id=str(ticket_id),
                request_id=request_id,
            )


def _observed(route: str) -> Mapping[int, Callable[[float], None]]:
    return {status: observed_route("GET", route, status) for status in (200, 304)}


def _header(scope: Scope, name: bytes) -> bytes | None:
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value)
    return None
