"""The shop's services over HTTP.

A service that is slow or gone holds up nobody else: calls to each are few at once, few wait, and all are under a deadline
and a bound on the answer. Redirects are not followed, so the token goes nowhere but to the configured addresses.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import unquote

import aiohttp
from prometheus_client import Histogram

from support_service.ports.commerce import CommerceError, CommerceReason

_IN_FLIGHT = 16
_MOST_WAITING = 200
_LARGEST_BODY = 2 * 1024 * 1024
_PIECE = 64 * 1024
_BY_STATUS: Mapping[int, CommerceReason] = {401: "refused", 403: "refused", 404: "missing"}

REQUEST_SECONDS = Histogram(
    "support_commerce_request_seconds",
    "Time a call to one of the shop's services took, the wait for its turn included.",
    ["service", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1, 2, 5),
)


@dataclass(slots=True)
class _Service:
    """One service's address and its bulkhead."""

    base_url: str
    turn: asyncio.Semaphore
    present: int = field(default=0)


class RestCommerce:
    """Fulfils `ports.commerce.Commerce`. Belongs to one event loop."""

    def __init__(
        self,
        base_urls: Mapping[str, str],
        *,
        token: str | None = None,
        in_flight: int = _IN_FLIGHT,
        waiting: int = _MOST_WAITING,
        largest_body: int = _LARGEST_BODY,
    ) -> None:
        """Say where the services are, without connecting.

        Args:
            base_urls: the address below which each service answers, by the service's name.
            token: sent as a bearer token to all of them.
            in_flight: calls to one service at once.
            waiting: further calls that wait for their turn; more are refused as `busy`.
            largest_body: bytes an answer may have.
        """
        self._headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "support-service"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._most_present = in_flight + waiting
        self._largest_body = largest_body
        self._services = {
            name: _Service(base_url.rstrip("/"), asyncio.Semaphore(in_flight)) for name, base_url in base_urls.items()
        }
        self._session: aiohttp.ClientSession | None = None

    async def get(self, service: str, path: str, params: Mapping[str, str], *, deadline_s: float) -> object:
        """The JSON document that a service answers with; see the port for what can go wrong."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            async with asyncio.timeout(deadline_s):
                document = await self._in_turn(service, path, params)
        except TimeoutError as error:
            outcome = "timeout"
            raise CommerceError("timeout", service) from error
        except (aiohttp.ClientError, OSError) as error:
            outcome = "unavailable"
            raise CommerceError("unavailable", service) from error
        except CommerceError as error:
            outcome = error.reason
            raise
        else:
            outcome = "ok"
            return document
        finally:
            REQUEST_SECONDS.labels(service, outcome).observe(time.perf_counter() - started)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> aiohttp.ClientSession:
        """The session, made on first use as it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0),  # the bulkheads bound it, service by service
                timeout=aiohttp.ClientTimeout(total=None),  # every call has its own deadline
                auto_decompress=False,  # none was asked for, and a small answer must not unfold into a large one
            )
        return self._session

    async def _in_turn(self, name: str, path: str, params: Mapping[str, str]) -> object:
        service = self._services.get(name)
        if service is None:
            raise CommerceError("unavailable", name)
        if service.present >= self._most_present:
            raise CommerceError("busy", name)
        service.present += 1
        try:
            async with service.turn:
                return _decoded(await self._body(service, name, path, params), name)
        finally:
            service.present -= 1

    async def _body(self, service: _Service, name: str, path: str, params: Mapping[str, str]) -> bytes:
        if any(unquote(segment) in {"", ".", ".."} for segment in path.split("/")):
            raise CommerceError("rejected", name)  # it would name something else than its caller meant
        url = f"{service.base_url}/{path}"
        async with self._connected().get(url, params=params, allow_redirects=False) as response:
            if response.status != 200:  # noqa: PLR2004 - the one status with an answer in it
                self._refuse(response.status, name)
            kind = response.content_type
            if kind != "application/json" and not kind.endswith("+json"):
                raise CommerceError("malformed", name)
            body = bytearray()
            async for piece in response.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > self._largest_body:
                    raise CommerceError("limit", name)
            return bytes(body)

    def _refuse(self, status: int, name: str) -> NoReturn:
        unavailable: CommerceReason = "unavailable" if status >= 500 else "rejected"  # noqa: PLR2004 - the 5xx
        raise CommerceError(_BY_STATUS.get(status, unavailable), name)


def _decoded(body: bytes, service: str) -> object:
    try:
        document: object = json.loads(body, parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise CommerceError("malformed", service) from error
    return document


def _no_such_number(name: str) -> NoReturn:
    raise ValueError(name)
