"""A bare ASGI application that answers with bytes that it has in memory: what the server alone costs."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from redis import Redis

_ID = 3
"""Where /support/cases/{id} has the id, split at the slashes."""


def _bodies() -> Mapping[str, bytes]:
    with Redis.from_url(os.environ["REDIS"]) as store:
        keys = store.keys()
        return {key.decode(): body for key, body in zip(keys, store.mget(keys), strict=True)}


_BODIES = _bodies()


async def app(scope: Mapping[str, Any], _receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer any request."""
    if scope["type"] != "http":
        return
    body = _BODIES.get(scope["path"].split("/")[_ID], b"")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if body else 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
