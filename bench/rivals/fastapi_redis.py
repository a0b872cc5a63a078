"""A bare FastAPI handler that answers with one Redis GET: no sign-in, no rights, no audit, no freshness.

redis-py with hiredis and its blocking pool: the default pool raises when it is full. A plain `Response` of ready bytes,
so that FastAPI neither validates nor serialises anything.
"""

import os

from fastapi import FastAPI, Response
from redis.asyncio import BlockingConnectionPool, Redis

_POOL = BlockingConnectionPool.from_url(os.environ["REDIS"], max_connections=int(os.environ["POOL"]), timeout=30)
_STORE = Redis(connection_pool=_POOL)
_JSON = "application/json"

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/support/cases/{ticket_id}/timeline")
@app.get("/support/cases/{ticket_id}")
async def read(ticket_id: str) -> Response:
    """What Redis holds under this id."""
    body = await _STORE.get(ticket_id)
    return Response(status_code=404) if body is None else Response(body, media_type=_JSON)
