"""The worker's intake of shop events from Kafka, and nothing else of it: `python -m bench.intake PLAN RESULT`.

The settings come from the environment, as the worker's do; the plan says how many events there are.
"""

import asyncio
import time

import uvloop

from bench.piped import TakingPart
from support_service import wiring
from support_service.config import Settings
from support_service.entrypoints.worker import take_in
from support_service.kit import logs
from support_service.kit.garbage import spare_the_collector
from support_service.ports.events import EventSource, Record


class Counted:
    """A source of events that says stop once so many were kept, and knows how long each batch took."""

    def __init__(self, events: EventSource, wanted: int, stop: asyncio.Event) -> None:
        """None is taken yet."""
        self._events = events
        self._left = wanted
        self._stop = stop
        self._polled = 0
        self._began = 0.0
        self.first_at = 0.0
        self.last_at = 0.0
        self.batches_ms: list[float] = []

    async def poll(self, *, max_records: int, timeout_s: float) -> list[Record]:
        """The next records."""
        records = await self._events.poll(max_records=max_records, timeout_s=timeout_s)
        self._polled, self._began = len(records), time.monotonic()
        self.first_at = self.first_at or (self._began if records else 0.0)
        return records

    async def commit(self) -> None:
        """Keep the offsets; the batch is done."""
        await self._events.commit()
        self.last_at = time.monotonic()
        self.batches_ms.append((self.last_at - self._began) * 1000)
        self._left -= self._polled
        if self._left <= 0:
            self._stop.set()

    async def close(self) -> None:
        """Leave the group."""
        await self._events.close()


async def _run() -> None:
    part = TakingPart()
    settings = Settings()
    logs.configure(log_format="json", level="warning")
    services = wiring.Services(settings, name="support-worker")
    stop = asyncio.Event()
    assert services.events is not None  # noqa: S101 - the benchmark sets it
    services.events = counted = Counted(services.events, part.plan["count"], stop)
    await services.database.ping()
    spare_the_collector()
    await part.told()
    await take_in(services, stop)
    await part.done({"batches_ms": counted.batches_ms, "seconds": counted.last_at - counted.first_at})
    await services.close()


if __name__ == "__main__":
    uvloop.run(_run())
