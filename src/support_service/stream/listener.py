"""One who listens to the stream."""

import asyncio
import time
from collections.abc import Sequence

from support_service.directory import Principal
from support_service.stream import metrics

_MOST_WAITING = 1_000
"""Frames that may wait for a reader who does not take them; then the stream ends, to be gone on with."""


class Listener:
    """Frames wait here until they are taken. Belongs to one event loop."""

    def __init__(self, principal: Principal) -> None:
        """Nothing waits yet."""
        self.principal = principal
        self.position = 0
        """Everything up to there was told, or is not theirs."""
        self.ended_by = ""
        """Why the stream ends; empty while it does not."""
        self.roused_at = time.monotonic()
        """When they were told something last, or that there is nothing."""
        self._frames: list[bytes] = []
        self._something = asyncio.Event()

    def tell(self, told: Sequence[bytes], position: int) -> None:
        """Let these wait, which are theirs of all up to `position`; whoever takes nothing is let go."""
        if len(self._frames) >= _MOST_WAITING:
            self.end("slow")
            return
        self._frames += told
        self.position = position
        self.rouse()

    def rouse(self) -> None:
        """Let them take what waits, be it nothing."""
        self.roused_at = time.monotonic()
        self._something.set()

    def end(self, reason: str) -> None:
        """End the stream once what waits was taken; the first reason counts."""
        self.ended_by = self.ended_by or reason
        self.rouse()

    async def take(self) -> bytes:
        """All that waits, once they are roused. Without a timer of its own: that cost a third of telling somebody something."""
        await self._something.wait()
        self._something.clear()
        taken, self._frames = self._frames, []
        metrics.FRAMES.inc(len(taken))
        return b"".join(taken)
