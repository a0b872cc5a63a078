"""Posting to strangers over HTTP, past a guard that a name cannot be turned round behind (`ports.receivers`).

Each post has a connection of its own, to the addresses that were checked for it: names are resolved here, once, and the
client is given the result in place of a resolver. TLS still asks for the certificate of the name.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from prometheus_client import Histogram

from support_service.kit.addresses import Address, Network, RefusedAddress, Target, may_be_reached, target_of
from support_service.ports.receivers import EXCERPT, PostError, PostFault, Reply

DEADLINE_S = 10.0
CONNECT_S = 3.0
_LARGEST_ANSWER, _EXCERPT_WITHIN_S = 1_024, 1.0
_RESOLVING_AT_ONCE = 32
"""Threads of their own: names that nobody answers for must not keep everybody else's from being resolved."""

_LONGEST_DELAY_S = 10**9
_HEADERS = {"user-agent": "support-service", "accept": "*/*", "accept-encoding": "identity"}

POST_SECONDS = Histogram(
    "support_webhook_post_seconds",
    "Time until a receiver had answered, or was given up.",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""The addresses of a name.

Raises:
    OSError: there are none.
"""


class HttpReceivers:
    """Fulfils `ports.receivers.Receivers`. Belongs to one event loop."""

    def __init__(
        self, trusted: Sequence[Network] = (), *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Say whom to trust, without connecting.

        Args:
            trusted: networks that may be reached although they are private, by http, too.
            resolve: how names are resolved; as the machine does when absent.
            tls: which certificates are believed; those that the machine believes when absent.
        """
        self._trusted = tuple(trusted)
        self._threads = ThreadPoolExecutor(_RESOLVING_AT_ONCE, thread_name_prefix="receivers")
        self._resolve = resolve or self._resolve_here
        self._tls: ssl.SSLContext | bool = tls or True

    async def check(self, url: str) -> None:
        """See `Receivers.check`."""
        target = target_of(url, http=bool(self._trusted))
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._checked(target)
        except OSError as error:  # TimeoutError is one
            raise RefusedAddress("unresolved") from error

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Receivers.post`."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            async with asyncio.timeout(DEADLINE_S):
                reply = await self._post(url, headers, body)
            outcome = "answered"
        except PostError as error:
            outcome = error.fault
            raise
        except TimeoutError as error:
            outcome = "timeout"
            raise PostError("timeout") from error
        else:
            return reply
        finally:
            POST_SECONDS.labels(outcome).observe(time.perf_counter() - started)

    async def close(self) -> None:
        """Let go of the threads; a name that is being resolved is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        addresses = await self._addresses(url)
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S)  # the whole has a deadline of its own
        try:
            async with (
                aiohttp.ClientSession(
                    headers=_HEADERS,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    connector=aiohttp.TCPConnector(
                        resolver=_Pinned(addresses), use_dns_cache=False, force_close=True, ssl=self._tls
                    ),
                    timeout=timeout,
                    auto_decompress=False,
                    trust_env=False,  # a proxy would connect to whatever it takes the name for
                ) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return Reply(answer.status, _retry_after(answer.headers.get("retry-after")), await _excerpt(answer))
        except aiohttp.ClientError as error:
            raise PostError(_fault(error)) from error
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise PostError("unreachable") from error

    async def _addresses(self, url: str) -> Sequence[Address]:
        try:
            return await self._checked(target_of(url, http=bool(self._trusted)))
        except RefusedAddress as error:
            raise PostError("unresolved" if error.fault == "unresolved" else "address_refused") from error
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise PostError("unresolved") from error

    async def _checked(self, target: Target) -> Sequence[Address]:
        """All that a target leads to, every one of which may be reached."""
        addresses = [target.literal] if target.literal is not None else await self._resolve(target.host)
        if not addresses:
            raise RefusedAddress("unresolved")
        encrypted = target.scheme == "https"
        if not all(may_be_reached(one, self._trusted, encrypted=encrypted) for one in addresses):
            raise RefusedAddress("private")
        return addresses

    async def _resolve_here(self, name: str) -> Sequence[Address]:
        def ask() -> list[Address]:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(ip_address(str(address[0])) for *_, address in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


class _Pinned(AbstractResolver):
    """Says of every name what was found out before."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the base class gives it
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004 - IPv4
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """There is nothing to let go of."""


async def _excerpt(answer: aiohttp.ClientResponse) -> str:
    """How an answer begins, as far as it comes soon: what it says matters less than its status."""
    begun = bytearray()
    with contextlib.suppress(aiohttp.ClientError, OSError):  # TimeoutError is an OSError
        async with asyncio.timeout(_EXCERPT_WITHIN_S):
            while len(begun) < _LARGEST_ANSWER and (piece := await answer.content.read(_LARGEST_ANSWER - len(begun))):
                begun += piece
    text = begun.decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)[:EXCERPT].strip()


def _retry_after(value: str | None) -> float | None:
    """The seconds that a Retry-After asks for (RFC 9110, 10.2.3), in either of its forms; None when it says nothing."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(min(int(value[:12]), _LONGEST_DELAY_S))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _fault(error: aiohttp.ClientError) -> PostFault:
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls"
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "unreachable"
    return "broken"
