"""Trino's client protocol over aiohttp: one statement out, the pages of its answer in.

POST /v1/statement, then GET each page's `nextUri`, which the server holds until there is something to say, so nothing is
polled; DELETE takes a query back (https://trino.io/docs/current/develop/client-protocol.html). Measured, this costs a
quarter of the CPU of the official client in threads.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from support_service.adapters.trino import metrics
from support_service.adapters.trino.errors import TrinoError
from support_service.kit import logs

_IN_FLIGHT = 6
_PATIENCE_S = 1.0
_LARGEST_ANSWER = 32 * 1024 * 1024
_PIECE = 64 * 1024
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_PAUSE_S = 0.1
_TAKE_BACK_S = 2.0
_ORPHAN_S = 1.0
"""How much longer than its caller a query may live in Trino, should nobody be able to take it back."""

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """As whom queries run, and how Trino knows. A password or a token goes over TLS only, or to this machine."""

    user: str = "support-service"
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    """A JWT, sent as a bearer token."""
    ca_file: Path | None = None
    """PEM file of the authorities that vouch for the server; those of the machine when None."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its columns as Trino describes them, and its rows as JSON."""

    columns: object
    rows: list[Any]


@dataclass(slots=True)
class _Underway:
    """A query in Trino, while there is one: where it goes on."""

    path: str | None = None
    size: int = 0


class TrinoClient:
    """Sends statements to one coordinator. Belongs to one event loop; connects when it is first asked."""

    def __init__(
        self,
        url: str,
        *,
        sign_in: SignIn | None = None,
        source: str = "support-service",
        session: Mapping[str, str] | None = None,
        in_flight: int = _IN_FLIGHT,
        patience_s: float = _PATIENCE_S,
        largest_answer: int = _LARGEST_ANSWER,
    ) -> None:
        """Say how to reach the coordinator.

        Args:
            url: its address, such as `https://trino.example:8443`.
            sign_in: as whom.
            source: the tag by which Trino's resource groups and its list of queries know us.
            session: session properties of every query, by name.
            in_flight: queries at once; others wait, within their deadline.
            patience_s: for how long a coordinator that is starting, or too busy to take a request, is asked again.
            largest_answer: bytes an answer may have, all its pages together.

        Raises:
            ValueError: the address is not one, or a secret would travel in the clear.
        """
        self._sign_in = sign_in or SignIn()
        self._origin = _origin(url, secret=bool(self._sign_in.password or self._sign_in.token))
        self._source = source
        self._properties = dict(session or {})
        self._turn = asyncio.Semaphore(in_flight)
        self._patience_s = patience_s
        self._largest_answer = largest_answer
        self._session: aiohttp.ClientSession | None = None
        self._taking_back: set[asyncio.Task[None]] = set()

    async def query(self, statement: str, *, deadline_s: float) -> Answer:
        """The whole answer to a statement, within the deadline.

        A query whose caller goes away, or whose deadline passes, is taken back.

        Raises:
            TrinoError: there is no answer.
        """
        underway = _Underway()
        try:
            async with asyncio.timeout(deadline_s), self._turn:
                return await self._patiently(statement, underway, deadline_s)
        except TimeoutError as error:
            raise _counted(TrinoError("DEADLINE", "timeout")) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _counted(TrinoError("UNREACHABLE", "unavailable", type(error).__name__)) from error
        except TrinoError as error:
            raise _counted(error) from error.__cause__
        finally:
            if underway.path is not None:
                self._take_back(underway.path)

    async def close(self) -> None:
        """Take back what is under way, and close every connection."""
        if self._taking_back:
            await asyncio.gather(*self._taking_back)
        if self._session is not None:
            await self._session.close()

    async def _patiently(self, statement: str, underway: _Underway, deadline_s: float) -> Answer:
        """Ask, and while Trino is starting ask again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        while True:
            try:
                return await self._follow(statement, underway, deadline_s, until)
            except TrinoError as error:
                if error.reason != "starting" or loop.time() + _PAUSE_S > until:
                    raise
                metrics.RETRIES.labels("starting").inc()
                await asyncio.sleep(_PAUSE_S)

    async def _follow(self, statement: str, underway: _Underway, deadline_s: float, until: float) -> Answer:
        """Send a statement and read its pages to the last."""
        columns: object = None
        rows: list[Any] = []
        headers = self._statement_headers(deadline_s)
        page = await self._send("POST", "/v1/statement", underway, until, data=statement.encode(), headers=headers)
        while True:
            following = page.get("nextUri")
            underway.path = None if following is None else _path(following)
            if "error" in page:
                underway.path = None  # it is over
                raise TrinoError.told(page["error"])
            columns = page.get("columns", columns)
            data = page.get("data") or []
            if not isinstance(data, list):
                raise TrinoError("UNREADABLE", "malformed", "rows in an encoding that was not asked for")
            rows += data
            if underway.path is None:
                return Answer(columns, rows)
            page = await self._send("GET", underway.path, underway, until)

    async def _send(
        self, method: str, path: str, underway: _Underway, until: float, **content: Any
    ) -> Mapping[str, Any]:
        """One request and its page; sent again while Trino has no time for it.

        A lost connection is tried once more: pages may be read twice, and a statement sent twice runs once, as Trino
        starts a query when its first page is asked for.
        """
        loop = asyncio.get_running_loop()
        lost = False
        while True:
            try:
                async with self._connected().request(
                    method, self._origin.join(URL(path, encoded=True)), allow_redirects=False, **content
                ) as response:
                    if response.status == 200:  # noqa: PLR2004 - the one status with a page in it
                        return await self._page(response, underway)
                    error = TrinoError.answered(response.status)
                    pause_s = _pause_s(response)
            except aiohttp.ClientConnectorError:
                raise  # nobody is there
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError):
                if lost:
                    raise
                lost = True
                metrics.RETRIES.labels("lost_connection").inc()
                continue
            if response.status not in _TRY_AGAIN or loop.time() + pause_s > until:
                raise error
            metrics.RETRIES.labels(error.name).inc()
            await asyncio.sleep(pause_s)

    async def _page(self, response: aiohttp.ClientResponse, underway: _Underway) -> Mapping[str, Any]:
        body = bytearray()
        async for piece in response.content.iter_chunked(_PIECE):
            body += piece
            if underway.size + len(body) > self._largest_answer:
                raise TrinoError("TOO_LARGE", "limit")
        underway.size += len(body)
        try:
            page = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise TrinoError("UNREADABLE", "malformed", "not JSON") from error
        if not isinstance(page, dict):
            raise TrinoError("UNREADABLE", "malformed", "not a page")
        return page

    def _take_back(self, path: str) -> None:
        """Cancel a query beside the caller, who has gone."""
        metrics.CANCELLED.inc()
        task = asyncio.create_task(self._delete(path))
        self._taking_back.add(task)
        task.add_done_callback(self._taking_back.discard)

    async def _delete(self, path: str) -> None:
        try:
            async with asyncio.timeout(_TAKE_BACK_S):
                async with self._connected().delete(self._origin.join(URL(path, encoded=True))):
                    pass
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            _log.info("trino.not_taken_back", exc_info=error)  # its own time limit ends it

    def _statement_headers(self, deadline_s: float) -> dict[str, str]:
        lives_ms = int((deadline_s + _ORPHAN_S) * 1000)
        properties = {"query_max_run_time": f"{lives_ms}ms", **self._properties}
        headers = {"x-trino-session": ",".join(f"{name}={quote(value, safe='')}" for name, value in properties.items())}
        if request_id := logs.current_request_id():
            headers["x-trino-trace-token"] = quote(request_id, safe="")
        return headers

    def _connected(self) -> aiohttp.ClientSession:
        """The session, made on first use as it belongs to the running loop."""
        if self._session is None:
            secure = ssl.create_default_context(cafile=self._sign_in.ca_file) if self._sign_in.ca_file else True
            self._session = aiohttp.ClientSession(
                headers=self._headers(),
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0, ssl=secure),  # `in_flight` bounds it
                timeout=aiohttp.ClientTimeout(total=None),  # every query has its own deadline
                auto_decompress=False,  # none was asked for, and a small page must not unfold into a large one
            )
        return self._session

    def _headers(self) -> dict[str, str]:
        headers = {
            "user-agent": "support-service",
            "accept-encoding": "identity",
            "x-trino-user": self._sign_in.user,
            "x-trino-source": self._source,
            "x-trino-time-zone": "UTC",
            "x-trino-client-capabilities": "PARAMETRIC_DATETIME",  # else microseconds are cut to milliseconds
        }
        if self._sign_in.token:
            headers["authorization"] = f"Bearer {self._sign_in.token}"
        elif self._sign_in.password:
            headers["authorization"] = aiohttp.encode_basic_auth(self._sign_in.user, self._sign_in.password)
        return headers


def _origin(url: str, *, secret: bool) -> URL:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.path.strip("/"):
        message = "an address is http(s)://host:port; user and password are settings of their own"
        raise ValueError(message)
    if secret and parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        message = "a password or a token needs https"
        raise ValueError(message)
    return URL(f"{parts.scheme}://{parts.netloc}/")


def _path(following: object) -> str:
    """Where a query goes on, at the address that was configured: whatever host a page names, secrets go nowhere else."""
    parts = urlsplit(following) if isinstance(following, str) else None
    if parts is None or not parts.path.startswith("/v1/statement/"):
        raise TrinoError("UNREADABLE", "malformed", "no next page")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _pause_s(response: aiohttp.ClientResponse) -> float:
    """As long as the server asks for, else a moment."""
    wanted = response.headers.get("retry-after", "")
    return float(wanted) if wanted.isdecimal() and wanted != "0" else _PAUSE_S


def _counted(error: TrinoError) -> TrinoError:
    metrics.ERRORS.labels(error.name).inc()
    return error
