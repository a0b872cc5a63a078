"""Where `verify-cache` finds cached pages: in the shared cache, or with a process of the API as a reader gets them."""

import asyncio
import http.client
import json
import secrets
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from pydantic import ValidationError

from support_service import wiring
from support_service.cases import Filters, Status
from support_service.directory import Principal, Profile, Role
from support_service.entrypoints.page_comparison import Shown
from support_service.kit.clock import SystemClock
from support_service.ports.cache import Found
from support_service.timeline import CaseKey, TimelineResponse, floor_key

_OPEN = (Status.OPEN, Status.PENDING, Status.ON_HOLD)
_LANES = 8
_TIMEOUT_S = 10.0
_MOST_A_PAGE = 100
_OK = 200


class CannotRead(Exception):  # noqa: N818 - told to the operator
    """There is no cache to read from, or it does not answer."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case of the sample; several may be about one timeline."""

    ticket_id: str
    key: CaseKey


class PageReader(Protocol):
    """One kind of place where readers find cached pages."""

    where: str

    async def newest(self, count: int) -> list[Case]:
        """The newest open cases, at most so many.

        Raises:
            CannotRead: there is no such place.
        """

    async def shown(self, case: Case) -> Shown | None:
        """The page that a reader of this case is shown now; None when none is cached that would be.

        Raises:
            CannotRead: this page could not be had.
        """

    async def still_there(self) -> None:
        """Return if what was read until now was really read.

        Raises:
            CannotRead: the place went away meanwhile.
        """

    async def close(self) -> None:
        """Let go of every connection of its own."""


class SharedCachePages:
    """The shared cache's pages, each as far as a process of the API would take it for its readers."""

    where = "shared cache"

    def __init__(self, services: wiring.Services) -> None:
        """Read through these services.

        Raises:
            CannotRead: they have no shared cache.
        """
        if services.shared_cache is None:
            raise CannotRead("REDIS_URL is not set, so nothing is shared; --url names an API to read from.")
        self._services = services
        self._cache = services.shared_cache
        self._clock = SystemClock()

    async def newest(self, count: int) -> list[Case]:
        """The newest open cases of all."""
        await self.still_there()
        operator = Principal(UUID(int=0), "", "verify-cache", None, frozenset({Role.SUPERVISOR}), frozenset())
        async with self._services.database.connection() as connection:
            found = await self._services.cases.list_cases(
                connection, operator, Filters(status=_OPEN), before=None, limit=count
            )
        return [Case(str(ticket.ticket_id), CaseKey(ticket.customer_id, ticket.order_id)) for ticket in found]

    async def shown(self, case: Case) -> Shown | None:
        """The page, unless it is too old, below its floor, or below what the database says was committed by then."""
        read_at = self._clock.now()
        kept = await self._services.timeline.shared_page(case.key, Profile.CLEAR)
        if kept is None or kept.superseded or (read_at - kept.filled_at).total_seconds() >= kept.fresh_s:
            return None
        async with self._services.database.connection() as connection:
            now_at = await self._services.directory.generations(connection, [case.key.customer_id])
        return (
            None
            if kept.generation < now_at[case.key.customer_id]
            else Shown(_page(kept.body), read_at, from_cache=True)
        )

    async def still_there(self) -> None:
        """Ask for a lease that nobody else wants: a cache that is away gives nothing at all, not even that."""
        key = f"tl:{{verify-cache-{secrets.token_hex(4)}}}"
        found = await self._cache.find_or_lease(key, floor_key(key), lease_s=1.0, now=self._clock.now())
        if found == Found():
            raise CannotRead("The shared cache does not answer: check REDIS_URL and that Redis runs.")
        if found.lease is not None:
            await self._cache.give_back(key, found.lease)

    async def close(self) -> None:
        """The services close theirs."""


class ApiPages:
    """An API's pages as somebody with this token gets them, who is recorded as having looked at each case.

    A case is always asked for on the same connection, so that the same process answers when it is asked for again.
    """

    where = "API"

    def __init__(self, url: str, token: str | None) -> None:
        """Read from an API.

        Args:
            url: its address, http or https.
            token: of an AGENT or SUPERVISOR.

        Raises:
            CannotRead: the address is not one, or there is no token.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CannotRead("--url must be an address such as https://support.example.")
        if not token:
            raise CannotRead("Reading from an API needs --token, or TOKEN in the environment.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._lanes = [(asyncio.Lock(), kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)) for _ in range(_LANES)]
        self._asked: set[asyncio.Future[tuple[bytes, dict[str, str]]]] = set()
        self._base = parts.path.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        self._clock = SystemClock()

    async def newest(self, count: int) -> list[Case]:
        """The newest open cases that the token's person sees."""
        roles = set(json.loads((await self._ask(0, "/support/agents/me"))[0])["roles"])
        if not roles & {Role.AGENT, Role.SUPERVISOR}:
            raise CannotRead("The token must be an AGENT's or a SUPERVISOR's: others are not shown everything.")
        found: list[Case] = []
        cursor: str | None = None
        while len(found) < count:
            query = [("limit", str(min(_MOST_A_PAGE, count - len(found)))), *(("status", one) for one in _OPEN)]
            query += [("cursor", cursor)] if cursor else []
            listed = json.loads((await self._ask(0, f"/support/cases?{urlencode(query)}"))[0])
            found += [Case(one["ticket_id"], CaseKey(one["customer_id"], one["order_id"])) for one in listed["items"]]
            cursor = listed["next_cursor"]
            if cursor is None:
                break
        return found

    async def shown(self, case: Case) -> Shown | None:
        """What the API answers, whether it had it in a cache or not."""
        read_at = self._clock.now()
        lane = UUID(case.ticket_id).int % _LANES
        body, headers = await self._ask(lane, f"/support/cases/{quote(case.ticket_id)}/timeline")
        hit = "hit" in headers.get("cache-status", "") or int(headers.get("age", "0")) > 0
        return Shown(_page(body), read_at, from_cache=hit)

    async def still_there(self) -> None:
        """Every answer was one."""

    async def close(self) -> None:
        """Wait for what was asked, a thread cannot be stopped, and close every connection."""
        await asyncio.gather(*self._asked, return_exceptions=True)
        for _, connection in self._lanes:
            connection.close()

    async def _ask(self, lane: int, path: str) -> tuple[bytes, dict[str, str]]:
        lock, connection = self._lanes[lane]
        async with lock:
            try:
                asked = asyncio.ensure_future(asyncio.to_thread(self._answer, connection, path))
                self._asked.add(asked)
                asked.add_done_callback(self._asked.discard)
                return await asyncio.shield(asked)
            except (OSError, http.client.HTTPException) as error:
                raise CannotRead(f"The API does not answer ({type(error).__name__}).") from error

    def _answer(self, connection: http.client.HTTPConnection, path: str) -> tuple[bytes, dict[str, str]]:
        try:
            connection.request("GET", self._base + path, headers=self._headers)
            answer = connection.getresponse()
        except (ConnectionError, http.client.HTTPException):  # it was closed for having been idle
            connection.close()
            connection.request("GET", self._base + path, headers=self._headers)
            answer = connection.getresponse()
        body = answer.read()
        if answer.status != _OK:
            raise CannotRead(f"The API answers {answer.status} to {path.partition('?')[0]}.")
        return body, {name.lower(): value for name, value in answer.getheaders()}


def _page(body: bytes) -> TimelineResponse | None:
    try:
        return TimelineResponse.model_validate_json(body)
    except ValidationError:
        return None
