"""A receiver of webhooks on 127.0.0.1 that answers as a test tells it, and a verifier that shares nothing with the sender."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> Any:
        return json.loads(self.body)


def answers(status: int, text: str = "", **headers: str) -> Answer:
    """An answer of this status; header names are given with underscores."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=sent)

    return answer


async def hangs(_request: web.Request) -> web.StreamResponse:
    """No answer for longer than anybody waits."""
    await asyncio.sleep(3_600)
    raise AssertionError


async def resets(request: web.Request) -> web.StreamResponse:
    """The connection is cut in place of an answer."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(3_600)
    raise AssertionError


async def endless(request: web.Request, pieces: list[int] | None = None) -> web.StreamResponse:
    """A 500 with a body that does not end; `pieces` is told how many bytes each piece had that was sent."""
    response = web.StreamResponse(status=500)
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"x" * 65_536)
            if pieces is not None:
                pieces.append(65_536)
    return response


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered; 204 unless told otherwise."""

    url: str
    answer: Answer = field(default_factory=lambda: answers(204))
    got: list[Got] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append(Got(request.path_qs, dict(request.headers), await request.read()))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self.answer(request)
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def open_receiver(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on an address of this machine, for as long as the block runs."""
    receiver = Receiver("")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http{'s' if tls else ''}://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def verified(got: Got, secret: str) -> bool:
    """Whether one of the signatures is by this secret: Standard Webhooks 1.0.0, verifying signatures."""
    key = base64.b64decode(secret.split("whsec_")[1])
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    signatures = [one.split(",", 1) for one in got.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(given, expected) for version, given in signatures)
