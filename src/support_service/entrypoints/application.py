"""The API as a server calls it: granian by its own protocol, RSGI 1.5, which costs a fifth less than ASGI; any other by ASGI.

The hot road answers by either; everything else goes on to the framework, which speaks ASGI.
"""

from asyncio import AbstractEventLoop, timeout
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import FastAPI
from granian._granian import RSGIHTTPProtocol, RSGIHTTPStreamTransport, RSGIProtocolClosed
from granian.rsgi import Scope as RsgiScope
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from support_service.desk import HotRoad

_UNREADABLE = b"\xff"
"""Stands for a header's value that is not ASCII, which RSGI keeps to itself: better refused than overlooked."""


_SMALL = 65_536
"""A body of so many bytes at most is read as a whole."""

_MOST_DISCARDED = 10_000_000
_PATIENCE_S = 1.0
"""So much of a body that was refused is still read, and for so long."""


class Application:
    """The framework's application behind the hot road."""

    def __init__(self, app: FastAPI, road: HotRoad) -> None:
        """Let pass to `app` what `road` does not answer."""
        self._app = app
        self._road = road
        self.lifespan = app.router.lifespan_context(app)

    def __rsgi_init__(self, loop: AbstractEventLoop) -> None:
        """Begin, before the first request."""
        loop.run_until_complete(self.lifespan.__aenter__())

    def __rsgi_del__(self, loop: AbstractEventLoop) -> None:
        """End, after the last."""
        loop.run_until_complete(self.lifespan.__aexit__(None, None, None))

    async def __rsgi__(self, scope: RsgiScope, protocol: RSGIHTTPProtocol) -> None:
        """Serve one request."""
        headers = scope.headers
        every = headers.get_all  # type: ignore[attr-defined] # which their stub forgot
        answer = await self._road.answer(scope.method, scope.path, scope.query_string, headers.get, every)
        if answer is not None:
            protocol.response_bytes(answer.status, answer.headers, answer.body)
            return
        exchange = _Exchange(
            protocol, _chunks_of(protocol, headers.get("content-length"), streamed="transfer-encoding" in headers)
        )
        await self._app(_asgi_scope(scope), exchange.receive, exchange.send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same by ASGI."""
        answer = None
        if scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            told = Headers(scope=scope)
            answer = await self._road.answer(scope["method"], scope["path"], query, told.get, told.getlist)
        if answer is None:
            await self._app(scope, receive, send)
            return
        headers = [(name.encode(), value.encode()) for name, value in answer.headers]
        if answer.body:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


class _Exchange:
    """One request and its answer, as an ASGI application receives and sends them."""

    def __init__(self, protocol: RSGIHTTPProtocol, chunks: AsyncIterator[bytes]) -> None:
        self._protocol = protocol
        self._chunks: AsyncIterator[bytes] | None = chunks
        self._start: Message = {}
        self._stream: RSGIHTTPStreamTransport | None = None

    async def receive(self) -> Message:
        """The next piece of the body; when there is none, wait until the client is gone."""
        if self._chunks is not None:
            try:
                return {"type": "http.request", "body": await anext(self._chunks), "more_body": True}
            except StopAsyncIteration:
                self._chunks = None
                return {"type": "http.request", "body": b"", "more_body": False}
            except RSGIProtocolClosed:
                self._chunks = None
                return {"type": "http.disconnect"}
        await self._protocol.client_disconnect()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send the answer: at once if it is whole, else piece by piece.

        Raises:
            OSError: the client is gone.
        """
        if message["type"] == "http.response.start":
            self._start = message
            await self._take_the_rest()
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._stream is None and not more:
            self._protocol.response_bytes(self._start["status"], self._headers(), body)
            return
        if self._stream is None:
            self._stream = self._protocol.response_stream(self._start["status"], self._headers())
        if body:
            try:
                await self._stream.send_bytes(body)
            except RSGIProtocolClosed as error:
                raise OSError("the client is gone") from error

    async def _take_the_rest(self) -> None:
        """Read a body that nobody wants: who is still sending it would see a reset connection instead of the answer."""
        taken = 0
        with suppress(TimeoutError):
            async with timeout(_PATIENCE_S):
                while self._chunks is not None and taken < _MOST_DISCARDED:
                    message = await self.receive()
                    taken += len(message.get("body", b""))

    def _headers(self) -> list[tuple[str, str]]:
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._start["headers"]]


def _chunks_of(protocol: RSGIHTTPProtocol, length: str | None, *, streamed: bool) -> AsyncIterator[bytes]:
    """The pieces of a body; a small one is one, which costs half as much."""
    if streamed or (length is not None and (not length.isdecimal() or int(length) > _SMALL)):
        return aiter(protocol)
    return _no_chunks() if length is None else _whole(protocol)


async def _no_chunks() -> AsyncIterator[bytes]:
    return
    yield


async def _whole(protocol: RSGIHTTPProtocol) -> AsyncIterator[bytes]:
    yield await protocol()


def _asgi_scope(scope: RsgiScope) -> Scope:
    """The scope of ASGI 3.0; its spec_version says that a send does not tell of a client that is gone."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": scope.http_version,
        "method": scope.method,
        "scheme": scope.scheme,
        "path": scope.path,
        "query_string": scope.query_string.encode(),
        "root_path": "",
        "headers": _headers(scope),
        "client": _address(scope.client),
        "server": _address(scope.server),
    }


def _headers(scope: RsgiScope) -> list[tuple[bytes, bytes]]:
    readable = scope.headers.items()
    unreadable = set(scope.headers.keys()).difference(name for name, _ in readable)
    return [
        *((name.encode(), value.encode()) for name, value in readable),
        *((name.encode(), _UNREADABLE) for name in unreadable),
    ]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
