"""Finding out whether the lake is back, without a reader who waits for it.

The first queries of an engine that has just started take longer than a reader is made to wait. So it is asked for nothing,
for as long as it may need, beside the readers, who go to the services meanwhile; what it warms up for that is warm for
them, and the rest is warmed up little by little (`slow_start`).
"""

import asyncio
from collections.abc import Callable

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.ports.lake import Lake, LakeError
from support_service.sources.breaker import Breaker, BreakerOpen
from support_service.sources.catalog import BY_NAME

LAKE_PROBE_S = 3.0
"""Seconds between two probes: one that is refused costs next to nothing, and one that is answered brings the lake back."""

_WARMING_S = 15.0
_NO_ORDER = ""

_log = logs.get_logger(__name__)


class LakeProbing:
    """Guards a breaker against being closed by readers. Belongs to one event loop."""

    def __init__(self, lake: Lake, breaker: Breaker, clock: Clock, *, back: Callable[[], None]) -> None:
        """Close the breaker once the lake answers, and say by `back` that it does, before any reader asks."""
        self._lake = lake
        self._breaker = breaker
        self._clock = clock
        self._back = back
        self._probe: asyncio.Task[None] | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def may_ask(self) -> bool:
        """Whether a reader may ask the lake; if not and it is time to, a probe sets out.

        Once a reader has found the lake away this is looked at again without one: whoever reads a page that the services
        filled asks for nothing for half a minute, and the lake may be back by then.
        """
        if self._breaker.closed:
            return True
        if self._breaker.lets_through and (self._probe is None or self._probe.done()):
            self._probe = asyncio.create_task(self._ask(), name="lake-probe")
        if self._next_look is None:
            self._next_look = asyncio.get_running_loop().call_later(LAKE_PROBE_S, self._look_again)
        return False

    async def close(self) -> None:
        """Give up a probe that is under way, and look no more."""
        if self._next_look is not None:
            self._next_look.cancel()
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    def _look_again(self) -> None:
        self._next_look = None
        self.may_ask()

    async def _ask(self) -> None:
        try:
            with self._breaker.guard(lambda error: isinstance(error, LakeError)):
                await self._ask_for_nothing()
                self._back()
        except (BreakerOpen, LakeError) as error:
            _log.info("lake.still_away", reason=str(error))

    async def _ask_for_nothing(self) -> None:
        """Return when the lake has answered for one source at least, or has said that the view is missing.

        That a catalog is away proves nothing: it may be known from before the lake itself went.
        """
        names = set(BY_NAME)
        deadline = self._clock.monotonic() + _WARMING_S
        while True:
            try:
                left_s = max(0.0, deadline - self._clock.monotonic())
                await self._lake.facts([_NO_ORDER], sources=names, since=self._clock.now(), limit=1, deadline_s=left_s)
            except LakeError as error:
                if error.reason == "rejected":
                    return
                names.discard(error.source or "")
                if error.source is None or not names:
                    raise LakeError(error.reason) from error
            else:
                return
