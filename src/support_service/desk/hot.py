"""The hot road: what agents' screens ask for every few seconds, answered in front of the router.

It serves `GET /support/cases/{ticket_id}/timeline` and `GET /support/cases/{ticket_id}?includeTimeline=true` to whoever
was verified before and whose role may, by whichever protocol the server speaks with the application. It decides and answers by the very functions that the documented routes call
(`Guard`, `MATRIX`, `Desk`, `problem_of`), and lets everything else pass to the router: other tokens, refused roles, other
pages. Going through the framework would cost several times what the answer does.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple
from uuid import UUID

from support_service.desk.service import Desk
from support_service.directory import MATRIX, Action, Guard, Principal, Role
from support_service.kit import logs
from support_service.kit.paging import PageQuery
from support_service.kit.web import ANSWER_HEADERS, account, observed_route, problem_of, request_id_of
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
    count: Callable[[Principal], None]
    """Counts a request of somebody, or refuses it."""

    def open_to(self, principal: Principal) -> bool:
        """Whether the principal's roles may go here."""
        return not any(map(principal.roles.isdisjoint, self.allowed))


class HotAnswer(NamedTuple):
    """An answer as it is sent but for its length, which every server adds or is told."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class HotRoad:
    """Answers what it can."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        """Answer by `desk` who is known to `guard`."""
        self._guard = guard
        self._second = self._logged = self._unlogged = 0
        case, timeline = _PREFIX + "{ticket_id}", _PREFIX + "{ticket_id}/timeline"
        of_timeline, of_case = [MATRIX[Action.TIMELINE_READ]], [MATRIX[Action.CASE_READ], MATRIX[Action.TIMELINE_READ]]
        whole = partial(desk.read_case, include_timeline=True)
        first = partial(desk.ask_for_timeline, page=PageQuery())
        self._lanes = {
            ("/timeline", ""): _Lane(
                timeline, of_timeline, desk.hot_timeline, first, _observed(timeline), guard.counter("GET", timeline)
            ),
            ("", "includeTimeline=true"): _Lane(
                case, of_case, desk.hot_case, whole, _observed(case), guard.counter("GET", case)
            ),
        }

    async def answer(
        self, method: str, path: str, query: str, header: Callable[[str], str | None], every: Callable[[str], list[str]]
    ) -> HotAnswer | None:
        """Answer one request, or None: it is the router's.

        Args:
            method: in capitals.
            path: without escapes.
            query: as it was sent.
            header: gives a header of the request by its lower-case name.
            every: gives all headers of a name.
        """
        if method != "GET" or not path.startswith(_PREFIX):
            return None
        lane = self._lanes.get((path[_ID_ENDS:], query))
        if lane is None:
            return None
        started = time.perf_counter()
        ticket_id, principal = _ticket_id(path), await self._principal(every("authorization"))
        if ticket_id is None or principal is None or not lane.open_to(principal):
            return None
        look = _Look(principal, ticket_id, request_id_of(header), header("if-none-match"))
        answer, logged = await self._read(lane, look)
        seconds = time.perf_counter() - started
        if logged is None:
            lane.observe[answer.status](seconds)
        else:
            account("GET", lane.route, answer.status, seconds, **logged)
        return answer

    async def _principal(self, authorizations: Sequence[str]) -> Principal | None:
        if len(authorizations) != 1:
            return None
        (authorization,) = authorizations
        return self._guard.remembered(authorization) or await self._guard.returning(authorization)

    async def _read(self, lane: _Lane, look: "_Look") -> tuple[HotAnswer, Mapping[str, object] | None]:
        """The answer, and what to add to its log line unless there is to be none.

        Of good answers ten a second at most are logged, and say for how many they stand: they are all alike.
        """
        logged = self._sample()
        seen = look.if_none_match
        try:
            lane.count(look.principal)
            served = await lane.known(look.principal, look.ticket_id, request_id=look.request_id, if_none_match=seen)
            if served is None or logged is not None:
                logs.clear()
                logs.bind(request_id=look.request_id, agent_id=look.principal.principal_id, ticket_id=look.ticket_id)
            if served is None:
                served = await lane.read(look.principal, look.ticket_id, if_none_match=seen)
        except Exception as error:  # noqa: BLE001 - told as the framework tells it
            problem = problem_of(error)
            headers = ((name, value) for name, value in problem.headers.items() if name != "content-length")
            return _answer(problem.status_code, headers, bytes(problem.body), look), logged or {}
        return _answer(served.status, served.headers, served.body, look), logged

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
    if_none_match: str | None


def _observed(route: str) -> Mapping[int, Callable[[float], None]]:
    return {status: observed_route("GET", route, status) for status in (200, 304)}


@lru_cache(maxsize=10_000)
def _ticket_id(path: str) -> UUID | None:
    """The id in a path, if it is spelt as the router would have it: UUID() reads much else, with braces or a sign."""
    text = path[len(_PREFIX) : _ID_ENDS]
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes, look: _Look) -> HotAnswer:
    return HotAnswer(status, [*ANSWER_HEADERS, ("x-request-id", look.request_id), *headers], body)
