"""The cache of ready bodies, and the floors that keep outdated ones from being taken for current.

A customer's truth has a generation that grows with everything learnt about it. A body says which generation its fill had
read; a floor says which one readers must see at least. A plain delete cannot do that: a fill that read before the change
and stores after the delete brings the old body back (one in five reads was stale so in a measurement; none with floors).

Whether this process has heard of all changes lately is known to its caller, who asks the cache only if so.

A cache that processes share also gives out leases: of all who miss a body at once, one puts it together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

LONGEST_TTL_S = 900.0
"""A body is kept at most this many seconds: how long an old one may stand in while its sources are away."""

FLOOR_KEPT_S = 1_200.0
"""A floor is kept longer than any body and any fill that may still be under way, so it is never forgotten too early."""


@dataclass(frozen=True, slots=True)
class CachedBody:
    """A body and what its fill had seen.

    `generation` was read before the facts it counts, and `filled_at` (aware, in UTC) is when the fill began. `key` is the
    key it was made for: what a viewer may see depends on it, so a cache that finds another one has no answer.
    `fresh_s` is for how many seconds from `filled_at` it may be shown as it is. `superseded` is said by the cache: the floor is above the body by now, which may only stand in for a source that is
    away, and says so.
    """

    key: str
    generation: int
    filled_at: datetime
    body: bytes
    fresh_s: float = 60.0
    superseded: bool = False
    tag: str = ""
    """What its keeper wrote on it, for as long as it is in memory."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a shared cache has for one who would otherwise fill: a body, a lease, the news that another has it, or nothing.

    Nothing at all means that the cache is away: whoever asked then fills on their own.
    """

    body: CachedBody | None = None
    lease: str | None = None
    taken: bool = False


class Cache(Protocol):
    """What `timeline` needs of a cache. It is never the truth: an entry may be gone at any time."""

    async def get(self, key: str, floor_key: str) -> CachedBody | None:
        """The body kept under a key, `superseded` when it is below the floor."""

    async def put(self, key: str, floor_key: str, body: CachedBody, ttl_s: float) -> bool:
        """Keep a body for `ttl_s` seconds, at most `LONGEST_TTL_S`; says whether it is kept.

        Refused: a body below the floor, one older than what is kept (by generation, then by `filled_at`), one made for
        another key, and one too large.
        """

    async def raise_floors(self, floors: Mapping[str, int]) -> None:
        """From now on bodies below these generations, by the keys of their floors, are outdated; a floor never sinks."""

    async def close(self) -> None:
        """Let go of what is kept and of every connection."""


class NearCache(Cache, Protocol):
    """A cache in this process's memory: it can be looked into without waiting for anything."""

    def look(self, key: str, floor_key: str) -> CachedBody | None:
        """As `get`."""


class SharedCache(Cache, Protocol):
    """A cache of several processes.

    It may be away, which is never an error and never takes long: it then finds nothing and keeps nothing.
    """

    async def find_or_lease(
        self, key: str, floor_key: str, *, lease_s: float, now: datetime, part: float = 1.0
    ) -> Found:
        """The body that may be shown as it is now, or the right to fill it, given to one at a time.

        Args:
            key: of the body.
            floor_key: of its floor; a body below it is not found.
            lease_s: seconds after which a lease that was not given back is void.
            now: aware; decides how old a body is.
            part: the part of a body's fresh time during which it will do; less than 1 to have it refreshed ahead of time.
        """

    async def put_leased(self, key: str, floor_key: str, body: CachedBody, ttl_s: float, lease: str | None) -> bool:
        """As `put`, and give the lease back in the same step; refused, too, while another holds a later lease."""

    async def give_back(self, key: str, lease: str) -> None:
        """End a lease without a body: the next one who asks may fill."""
