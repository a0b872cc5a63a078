"""Asking the lake once before the first reader does: the first query of a Trino just started takes seconds.

A process is not ready before its lake has answered, or has not within some seconds: one that is away holds nobody up, as
reads go to the services meanwhile. It is then asked again and again, so that what readiness says of it comes true.
"""

import asyncio

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.ports.lake import Lake, LakeError

PATIENCE_S = 6.0
"""How long a lake may hold readiness up."""

_AGAIN_S = 10.0

_log = logs.get_logger(__name__)


class LakeWarming:
    """The warming of one process's lake."""

    def __init__(self, lake: Lake | None, clock: Clock) -> None:
        """Nothing was asked yet; without a lake there is nothing to wait for."""
        self._lake = lake
        self._clock = clock
        self.state: str | None = None if lake is None else "warming"
        """`warming` until the first answer, then `ok` or why there is none; None without a lake."""

    @property
    def holds_up(self) -> bool:
        """Whether readiness is to wait."""
        return self.state == "warming"

    async def run(self) -> None:
        """Ask until the lake has answered once."""
        while self._lake is not None and self.state != "ok":
            started = self._clock.monotonic()
            try:
                await self._lake.ping(deadline_s=PATIENCE_S)
            except LakeError as error:
                self.state = error.reason
                _log.warning("lake.not_warm", reason=error.reason)
                await asyncio.sleep(_AGAIN_S)
            else:
                self.state = "ok"
                _log.info("lake.warm", seconds=round(self._clock.monotonic() - started, 3))
