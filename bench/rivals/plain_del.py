"""Our own API with the cache that most people write: classic cache-aside, and a plain DEL when something has changed.

A page is stored for 60 s by whoever put it together, whatever had been read; an invalidation deletes the customer's pages
in Redis right after the commit, and in each process as it hears of the change: where and when our floors are raised. There
are no floors, no leases and no proof. All else is ours: one fill a process and page, the near cache only while changes
are heard of, the same intake.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from unittest.mock import patch

from redis.asyncio import BlockingConnectionPool, Redis
from starlette.types import ASGIApp

from support_service import wiring
from support_service.config import Settings
from support_service.entrypoints.http import application
from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.ports.cache import CachedBody, Found

TTL_S = 60.0


class PlainNear:
    """Pages in this process, by customer, so that a customer's can be deleted."""

    def __init__(self, clock: Clock) -> None:
        """Begin empty."""
        self._clock = clock
        self._pages: dict[str, dict[str, tuple[CachedBody, float]]] = {}

    async def get(self, key: str, floor_key: str) -> CachedBody | None:
        """The page, until its time is over."""
        return self.look(key, floor_key)

    def look(self, key: str, floor_key: str) -> CachedBody | None:
        """As `get`, without waiting."""
        body, until = self._pages.get(floor_key, {}).get(key, (None, 0.0))
        return body if self._clock.monotonic() < until else None

    async def put(self, key: str, floor_key: str, body: CachedBody, ttl_s: float) -> bool:
        """Keep it, whatever it is."""
        until = self._clock.monotonic() + min(ttl_s, TTL_S)
        self._pages.setdefault(floor_key, {})[key] = (body, until)
        return True

    async def raise_floors(self, floors: Mapping[str, int]) -> None:
        """Delete the customers' pages."""
        for floor_key in floors:
            self._pages.pop(floor_key, None)

    async def close(self) -> None:
        """Forget everything."""
        self._pages.clear()


class PlainRedis:
    """The same in Redis: one hash a customer, so that one DEL takes all their pages."""

    def __init__(self, url: str) -> None:
        """Connect when first asked."""
        self._redis = Redis(connection_pool=BlockingConnectionPool.from_url(url, max_connections=32, timeout=5))

    async def get(self, key: str, floor_key: str) -> CachedBody | None:
        """The page that was stored last."""
        stored = await self._redis.hget(f"plain:{floor_key}", key)
        if not isinstance(stored, bytes):
            return None
        head, body = stored.split(b"\n", 1)
        generation, filled_at, fresh_s = head.decode().split()
        return CachedBody(key, int(generation), datetime.fromisoformat(filled_at), body, float(fresh_s))

    async def put(self, key: str, floor_key: str, body: CachedBody, ttl_s: float) -> bool:
        """Store it, whatever it is."""
        head = f"{body.generation} {body.filled_at.isoformat()} {body.fresh_s}\n".encode()
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hset(f"plain:{floor_key}", key, head + body.body)
        pipeline.expire(f"plain:{floor_key}", int(min(ttl_s, TTL_S)))
        await pipeline.execute()
        return True

    async def raise_floors(self, floors: Mapping[str, int]) -> None:
        """Delete the customers' pages."""
        for floor_key in floors:  # one by one: in a cluster each has its own place
            await self._redis.delete(f"plain:{floor_key}")

    async def find_or_lease(
        self, key: str, floor_key: str, *, lease_s: float, now: datetime, part: float = 1.0
    ) -> Found:
        """The page while it is young, else nothing: whoever misses fills."""
        del lease_s
        body = await self.get(key, floor_key)
        young = body is not None and now < body.filled_at + timedelta(seconds=part * body.fresh_s)
        return Found(body=body if young else None)

    async def put_leased(self, key: str, floor_key: str, body: CachedBody, ttl_s: float, _lease: str | None) -> bool:
        """Store it; nobody had a lease."""
        return await self.put(key, floor_key, body, ttl_s)

    async def give_back(self, key: str, lease: str) -> None:
        """There are none."""

    async def close(self) -> None:
        """Let go of every connection."""
        await self._redis.aclose()


class PlainServices(wiring.Services):
    """Our services around these caches."""

    async def _generation_of(self, _customer_id: str) -> int:
        """Any page will do: nothing is proven."""
        return 0


def services(settings: Settings, *, name: str) -> wiring.Services:
    """Everything as wiring puts it together, with these caches."""
    with patch.multiple(wiring, EmbeddedCache=PlainNear, RedisCache=PlainRedis):
        return PlainServices(settings, name=name)


def create_app() -> ASGIApp:
    """The API, from the environment's settings."""
    settings = Settings()
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    return application(services(settings, name="plain-del"))
