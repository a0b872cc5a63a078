"""A circuit breaker: a backend that keeps failing is left alone, but for one probe now and then.

    closed --(failures in a row)--> open --(probe interval)--> half open --(the probe succeeds)--> closed
                                     ^------(the probe fails)------'

Without it every read would first wait for the dead backend's deadline.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.sources import metrics

FAILURES = 3
PROBE_S = 10.0

_log = logs.get_logger(__name__)


class BreakerOpen(Exception):  # noqa: N818 - a state, not an error: nothing was tried
    """The backend is being left alone."""

    reason = "breaker_open"


class Breaker:
    """Guards one backend. Belongs to one event loop."""

    def __init__(self, backend: str, clock: Clock, *, failures: int = FAILURES, probe_s: float = PROBE_S) -> None:
        """Begin closed.

        Args:
            backend: its name in metrics.
            clock: its monotonic time decides when to probe.
            failures: as many in a row open the breaker.
            probe_s: seconds between probes while it is open.
        """
        self._backend = backend
        self._clock = clock
        self._failures_to_open = failures
        self._probe_s = probe_s
        self._failed = 0
        self._opened_at: float | None = None
        self._probing = False
        self._gauge = metrics.BREAKER_STATE.labels(backend)
        self._openings = metrics.BREAKER_OPENED.labels(backend)
        self._gauge.set(0)

    @property
    def closed(self) -> bool:
        """Whether every call is tried."""
        return self._opened_at is None

    @property
    def lets_through(self) -> bool:
        """Whether a call made now would be tried."""
        return self._opened_at is None or (not self._probing and self._probe_is_due(self._opened_at))

    @contextmanager
    def guard(self, is_failure: Callable[[Exception], bool]) -> Iterator[None]:
        """Try one call: an error that `is_failure` counts; others, a cancelled caller's too, say nothing.

        Raises:
            BreakerOpen: the call is not to be made.
        """
        if not self.lets_through:
            raise BreakerOpen
        probe = self._opened_at is not None
        if probe:
            self._probing = True
            self._gauge.set(1)
        try:
            yield
        except Exception as error:
            if is_failure(error):
                self._record_failure(probe=probe)
            raise
        else:
            self._record_success(probe=probe)
        finally:
            if probe:
                self._probing = False
                self._gauge.set(0 if self._opened_at is None else 2)

    def _probe_is_due(self, opened_at: float) -> bool:
        return self._clock.monotonic() - opened_at >= self._probe_s

    def _record_failure(self, *, probe: bool) -> None:
        self._failed += 1
        if probe or (self._opened_at is None and self._failed >= self._failures_to_open):
            self._opened_at = self._clock.monotonic()
            self._openings.inc()
            self._gauge.set(2)
            _log.warning("breaker.opened", backend=self._backend, probe=probe)

    def _record_success(self, *, probe: bool) -> None:
        # A call from before it opened that comes back late proves nothing of now: only a probe closes it.
        if probe or self._opened_at is None:
            if probe:
                _log.info("breaker.closed", backend=self._backend)
            self._failed = 0
            self._opened_at = None
