"""Slow start: a lake that has just come back is asked one query at a time, until it is as fast as readers need it to be.

An engine whose first queries are slow would otherwise meet everybody who waited for it at once, be slow for all of them,
and be given up again. Each query that it finishes makes it faster, so nothing cuts one off. Readers go to the services
meanwhile, as they did before; pages that are put together ahead of time, which nobody waits for, ask the lake.
"""

from support_service.kit.clock import Clock

PATIENCE_S = 1.0
"""How long a reader is made to wait who comes when no query is under way; then they go to the services, too."""

_FAST_S = 1.2
_IN_A_ROW = 2
"""So many answers as fast as that end it: a single one may be luck."""

_LONGEST_S = 60.0
"""Then it is over in any case: the lake may be as slow as that on its best days."""


class SlowStart:
    """Knows whether it is under way. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        """Begin with a lake that has been there for long; the clock's monotonic time ends a slow start."""
        self._clock = clock
        self._ends_at = float("-inf")
        self._fast = 0

    @property
    def under_way(self) -> bool:
        """Whether the lake is to be spared."""
        return self._clock.monotonic() < self._ends_at

    def begin(self) -> None:
        """The lake is back."""
        self._ends_at = self._clock.monotonic() + _LONGEST_S
        self._fast = 0

    def answered(self, took_s: float) -> None:
        """A query of readers' orders was answered within so many seconds."""
        self._fast = self._fast + 1 if took_s <= _FAST_S else 0
        if self._fast >= _IN_A_ROW and self.under_way:
            self._ends_at = self._clock.monotonic()
