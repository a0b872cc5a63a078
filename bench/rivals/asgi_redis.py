"""A bare ASGI application that answers with one Redis GET; see `fastapi_redis` for what it leaves out."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis

_POOL = BlockingConnectionPool.from_url(os.environ["REDIS"], max_connections=int(os.environ["POOL"]), timeout=30)
_STORE = Redis(connection_pool=_POOL)
_ID = 3
"""Where /support/cases/{id} has the id, split at the slashes."""


async def app(scope: Mapping[str, Any], _receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer any request."""
    if scope["type"] != "http":
        return
    body = await _STORE.get(scope["path"].split("/")[_ID]) or b""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if body else 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
