"""The hot road: what agents' screens ask for every few seconds, answered in front of the router.

It answers `GET /support/cases/{ticket_id}/timeline` when this process knows all it takes: the token was verified
lately, the case's access facts and the timeline's page are current. It decides and answers by the very functions that
the documented route calls (`Guard.remembered`, `MATRIX`, `Desk.hot_timeline`), and lets everything else pass to the
router: refusals, other pages, first reads. Going through the framework would cost several times what the answer does.
"""

import time
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from support_service.desk.service import Desk
from support_service.directory import MATRIX, Action, Guard
from support_service.kit import logs
from support_service.kit.web import ANSWER_HEADERS, observed_route, request_id_of

_PREFIX = "/support/cases/"
_SUFFIX = "/timeline"
_PATH_LENGTH = len(_PREFIX) + 36 + len(_SUFFIX)
_ROUTE = "/support/cases/{ticket_id}/timeline"
_LOGGED_ONE_IN = 100

_log = logs.get_logger(__name__)


class HotRoad:
    """An ASGI layer around the application."""

    def __init__(self, app: ASGIApp, desk: Desk, guard: Guard) -> None:
        """Answer what `desk` knows, let the rest pass to `app`."""
        self._app = app
        self._desk = desk
        self._guard = guard
        self._answered = 0
        self._observe = observed_route("GET", _ROUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not await self._answer(scope, send):
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> bool:
        path = scope["path"]
        if len(path) != _PATH_LENGTH or scope["method"] != "GET" or scope["query_string"]:
            return False
        if not path.endswith(_SUFFIX) or not path.startswith(_PREFIX):
            return False
        started = time.perf_counter()
        try:
            ticket_id = UUID(path[len(_PREFIX) : -len(_SUFFIX)])
        except ValueError:
            return False
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        principal = None if authorization is None else self._guard.remembered(authorization.decode("latin-1"))
        if principal is None or principal.roles.isdisjoint(MATRIX[Action.TIMELINE_READ]):
            return False
        request_id = request_id_of(scope["headers"])
        served = await self._desk.hot_timeline(principal, ticket_id, request_id=request_id)
        if served is None:
            return False
        headers = [
            *ANSWER_HEADERS,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(served.body)).encode()),
            (b"x-request-id", request_id.encode()),
            *((name.encode(), value.encode()) for name, value in served.headers.items()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": served.body})
        self._account(principal.principal_id, ticket_id, request_id, time.perf_counter() - started)
        return True

    def _account(self, agent_id: UUID, ticket_id: UUID, request_id: str, seconds: float) -> None:
        """The metric of every request, and the log line of one in a hundred: they are all alike."""
        self._observe(seconds)
        self._answered += 1
        if self._answered % _LOGGED_ONE_IN == 1:
            _log.info(
                "http.request",
                method="GET",
                route=_ROUTE,
                status=200,
                ms=round(seconds * 1000, 1),
                sampled=_LOGGED_ONE_IN,
                agent_id=str(agent_id),
                ticket_id=str(ticket_id),
                request_id=request_id,
            )
