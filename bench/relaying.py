"""The worker's relay and its publishing follower, and nothing else of it: `python -m bench.relaying PLAN RESULT`.

The settings come from the environment, as the worker's do; the plan says how many rows wait in the log.
"""

import asyncio
import time
from collections.abc import Sequence

import uvloop

from bench.piped import TakingPart
from support_service import wiring
from support_service.config import Settings
from support_service.kit import logs
from support_service.kit.eventlog import Follower
from support_service.kit.garbage import spare_the_collector
from support_service.ports.publisher import OutgoingEvent, Publisher
from support_service.publishing import PUBLISHED_AT_ONCE, Publishing


class Counted:
    """A publisher that says stop once so many events were kept."""

    def __init__(self, publisher: Publisher, wanted: int, stop: asyncio.Event) -> None:
        """None is published yet."""
        self._publisher = publisher
        self._left = wanted
        self._stop = stop

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Publish a batch."""
        await self._publisher.publish(events)
        self._left -= len(events)
        if self._left <= 0:
            self._stop.set()

    async def close(self) -> None:
        """Let go of every connection."""
        await self._publisher.close()


async def _run() -> None:
    part = TakingPart()
    logs.configure(log_format="json", level="warning")
    services = wiring.Services(Settings(), name="support-worker")
    assert services.publisher is not None  # noqa: S101 - the benchmark sets it
    stop = asyncio.Event()
    counted = Counted(services.publisher, part.plan["count"], stop)
    follower = Follower(services.database, "kafka", Publishing(counted).follow, batch=PUBLISHED_AT_ONCE)
    await services.database.ping()
    spare_the_collector()
    await part.told()
    began = time.monotonic()
    await asyncio.gather(services.relay.run(stop), follower.run(stop))
    await part.done({"seconds": time.monotonic() - began})
    await services.close()


if __name__ == "__main__":
    uvloop.run(_run())
