"""How often somebody may ask: a bucket of tokens for each of them and each operation, kept in this process alone.

A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm, ITU-T I.371): what was
drawn and is not yet given back lies between now and then. A bucket that is full need not be kept at all, so a store
that has grown too large loses the fullest ones first: whoever was told to wait is not forgotten for a crowd.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, Self

from support_service.kit import metrics
from support_service.kit.problems import TooManyRequests

AT_ONCE_S = 10.0
"""So many seconds' worth may be drawn at once."""

_MOST_KEPT = 10_000
_READS = frozenset({"GET", "HEAD"})


class Rate(NamedTuple):
    """So many in the long run, and ten seconds' worth of them at once."""

    apart_s: float
    """Seconds that give back what one request draws."""
    ahead_s: float
    """How far ahead the moment of being full may lie for one more to be drawn."""

    @classmethod
    def of(cls, per_second: float) -> Self | None:
        """So many a second; with 0 there is none to keep to."""
        # Half a request of room, as sums of seconds are not exact.
        return cls(1 / per_second, max(AT_ONCE_S - 0.5 / per_second, 0.0)) if per_second else None


@dataclass(frozen=True, slots=True)
class Rates:
    """How often whom may do what, in each process; None: as often as they like."""

    reads: Rate | None = None
    writes: Rate | None = None
    machine_reads: Rate | None = None
    machine_writes: Rate | None = None
    failed_sign_ins: Rate | None = None


class Buckets:
    """The buckets of one operation."""

    def __init__(self, operation: str, monotonic: Callable[[], float], *, most: int = _MOST_KEPT) -> None:
        """Keep at most `most` buckets; all are full."""
        self._operation = operation
        self._monotonic = monotonic
        self._most = most
        self._full_at: dict[int | str, float] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._full_at)

    def draw(self, key: int | str, rate: Rate | None) -> None:
        """Draw one from somebody's bucket.

        Raises:
            TooManyRequests: it is empty; nothing is drawn then.
        """
        if rate is None:
            return
        now = self._monotonic()
        full_at = self._full_at.get(key, now)
        if full_at < now:  # noqa: PLR1730 - `max` would be a tenth of what this costs every request
            full_at = now
        if full_at - now > rate.ahead_s:
            self._refuse(full_at - now - rate.ahead_s)
        self._full_at[key] = full_at + rate.apart_s
        if len(self._full_at) > self._most:
            self._forget(now)

    def check(self, key: int | str, rate: Rate | None) -> None:
        """Whether something could be drawn.

        Raises:
            TooManyRequests: it is empty.
        """
        if rate is not None:
            now = self._monotonic()
            over_s = self._full_at.get(key, now) - now - rate.ahead_s
            if over_s > 0:
                self._refuse(over_s)

    def _refuse(self, wait_s: float) -> None:
        metrics.RATE_LIMITED.labels(self._operation).inc()
        seconds = max(math.ceil(wait_s), 1)
        raise TooManyRequests(f"Ask again in {seconds} s.", headers={"retry-after": str(seconds)})

    def _forget(self, now: float) -> None:
        """Keep the emptier half of what may be kept: it costs a sort once in as many newcomers."""
        emptier = sorted(self._full_at.items(), key=itemgetter(1))[-(self._most // 2) :]
        self._full_at = {key: full_at for key, full_at in emptier if full_at > now}


class Limit(NamedTuple):
    """How often one operation may be asked for: whose bucket is drawn from, and at which rate."""

    buckets: Buckets
    person: Rate | None
    machine: Rate | None


class Limits:
    """The limits of every operation, and of tokens that prove nothing."""

    def __init__(self, rates: Rates, monotonic: Callable[[], float]) -> None:
        """Reckon by a clock that never goes back."""
        self._rates = rates
        self._monotonic = monotonic
        self._limits: dict[tuple[str, str], Limit] = {}
        self._failures = Buckets("sign-in", monotonic)

    def of(self, method: str, route: str) -> Limit:
        """The limit of an operation; `route` is a template, of which there are few."""
        limit = self._limits.get((method, route))
        if limit is None:
            limit = self._limits[method, route] = self._new(method, route)
        return limit

    def check_sign_in(self, client: str) -> None:
        """Whether a token that was never seen may be tried from this address.

        Raises:
            TooManyRequests: too many from there proved nothing.
        """
        self._failures.check(client, self._rates.failed_sign_ins)

    def sign_in_failed(self, client: str) -> None:
        """Count a token that proved nothing.

        Raises:
            TooManyRequests: there were too many already.
        """
        self._failures.draw(client, self._rates.failed_sign_ins)

    def _new(self, method: str, route: str) -> Limit:
        rates, buckets = self._rates, Buckets(f"{method} {route}", self._monotonic)
        if method in _READS:
            return Limit(buckets, rates.reads, rates.machine_reads)
        return Limit(buckets, rates.writes, rates.machine_writes)
