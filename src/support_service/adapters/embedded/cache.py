"""The cache in this process: bodies in memory up to a bound, the least recently used leave first, and floors."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from support_service.kit.clock import Clock
from support_service.ports.cache import FLOOR_KEPT_S, LONGEST_TTL_S, CachedBody, Found

_OVERHEAD_BYTES = 600
"""Roughly what an entry takes besides its key and its body."""

_MOST_FLOORS = 100_000


@dataclass(slots=True)
class _Entry:
    body: CachedBody
    floor_key: str
    expires_at: float
    size: int


class EmbeddedCache:
    """Fulfils `ports.cache.NearCache`, and `SharedCache` for one process and one event loop."""

    def __init__(self, clock: Clock, *, max_bytes: int = 64 * 1024 * 1024, max_floors: int = _MOST_FLOORS) -> None:
        """Begin empty.

        Args:
            clock: tells when entries expire, and when a flood of floors was forgotten.
            max_bytes: memory for bodies, keys and their overhead.
            max_floors: floors at once; past that all is forgotten, which is safe and only costs fills.
        """
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_floors = max_floors
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._floors: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._leases: dict[str, tuple[str, float]] = {}
        self._bytes = 0
        self._forgot_at: datetime | None = None

    async def get(self, key: str, floor_key: str) -> CachedBody | None:
        """The body kept under a key, `superseded` when it is below the floor."""
        return self.look(key, floor_key)

    def look(self, key: str, floor_key: str) -> CachedBody | None:
        """As `get`, without waiting."""
        entry = self._entries.get(key)
        if entry is None or entry.floor_key != floor_key:
            return None
        if entry.expires_at <= self._clock.monotonic():
            self._drop(key)
            return None
        if self._bytes > self._max_bytes // 2:  # else nothing has to leave soon, and moving costs more than looking
            self._entries.move_to_end(key)
        return replace(entry.body, superseded=True) if entry.body.generation < self._floor(floor_key) else entry.body

    async def put(self, key: str, floor_key: str, body: CachedBody, ttl_s: float) -> bool:
        """Keep a body for at most `LONGEST_TTL_S` seconds; see the port for what is refused."""
        size = len(key) + len(body.body) + _OVERHEAD_BYTES
        if body.key != key or body.generation < self._floor(floor_key) or size > self._max_bytes:
            return False
        if self._forgot_at is not None and body.filled_at <= self._forgot_at:
            return False  # its fill began when floors were known here that are not known now
        now = self._clock.monotonic()
        kept = self._entries.get(key)
        if kept is not None and kept.expires_at > now and _age(body) < _age(kept.body):
            return False
        self._drop(key)
        self._entries[key] = _Entry(body, floor_key, now + min(ttl_s, LONGEST_TTL_S), size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))
        return True

    async def raise_floors(self, floors: Mapping[str, int]) -> None:
        """From now on bodies below these generations are outdated; a floor never sinks."""
        now = self._clock.monotonic()
        for floor_key, generation in floors.items():
            floor = max(generation, self._floor(floor_key))
            self._floors.pop(floor_key, None)
            self._floors[floor_key] = (floor, now + FLOOR_KEPT_S)
        while self._floors and next(iter(self._floors.values()))[1] <= now:
            self._floors.popitem(last=False)
        if len(self._floors) > self._max_floors:
            await self.close()
            self._forgot_at = self._clock.now()

    async def find_or_lease(
        self, key: str, floor_key: str, *, lease_s: float, now: datetime, part: float = 1.0
    ) -> Found:
        """The body that will do, or the right to fill it."""
        body = await self.get(key, floor_key)
        if body is not None and not body.superseded and now < body.filled_at + timedelta(seconds=part * body.fresh_s):
            return Found(body=body)
        if self._holder(key) is not None:
            return Found(taken=True)
        lease = secrets.token_hex(8)
        self._leases[key] = (lease, self._clock.monotonic() + lease_s)
        return Found(lease=lease)

    async def put_leased(self, key: str, floor_key: str, body: CachedBody, ttl_s: float, lease: str | None) -> bool:
        """Keep a body and give the lease back."""
        holder = self._holder(key)
        if lease is not None and holder is not None and holder != lease:
            return False
        if lease is not None:
            await self.give_back(key, lease)
        return await self.put(key, floor_key, body, ttl_s)

    async def give_back(self, key: str, lease: str) -> None:
        """End a lease without a body."""
        if self._holder(key) == lease:
            del self._leases[key]

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._floors.clear()
        self._leases.clear()
        self._bytes = 0

    def _holder(self, key: str) -> str | None:
        lease, until = self._leases.get(key, (None, 0.0))
        if until > self._clock.monotonic():
            return lease
        self._leases.pop(key, None)
        return None

    def _floor(self, floor_key: str) -> int:
        return self._floors.get(floor_key, (0, 0.0))[0]

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


def _age(body: CachedBody) -> tuple[int, datetime]:
    return body.generation, body.filled_at
