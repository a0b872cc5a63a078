"""The worker process: the relay, the followers of the event log, due work, webhooks and the intake of shop events."""

import asyncio
import signal

import uvloop
from prometheus_client import start_http_server

from support_service import wiring
from support_service.config import Settings
from support_service.kit import logs
from support_service.kit.database import DatabaseError, LostConnection
from support_service.kit.eventlog import wait_for
from support_service.kit.garbage import spare_the_collector
from support_service.kit.problems import Problem
from support_service.ports.events import EventSourceError, Record

INTAKE_BATCH = 4_000
"""Events that are taken in together at most, in some 0.15 s; of half as many each costs a tenth more."""

_INTAKE_WAIT_S = 0.2
_LONGEST_BACKOFF_S = 5.0
_GAUGES_EVERY_S = 5.0

_log = logs.get_logger(__name__)


def main() -> None:
    """Work until SIGTERM or SIGINT."""
    settings = Settings()
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    uvloop.run(_work_until_told(settings))


async def _work_until_told(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.host)
    services = wiring.Services(settings, name="support-worker")
    spare_the_collector()
    _log.info("worker.started")
    try:
        await work(services, stop)
    finally:
        await services.close()
        _log.info("worker.stopped")


async def work(services: wiring.Services, stop: asyncio.Event) -> None:
    """Run every part of the worker until `stop`."""
    async with asyncio.TaskGroup() as parts:
        parts.create_task(services.relay.run(stop))
        for follower in services.followers:
            parts.create_task(follower.run(stop))
        parts.create_task(services.due.run(stop))
        parts.create_task(services.webhook_sender.run(stop))
        parts.create_task(_measure(services, stop))
        if services.events is not None:
            parts.create_task(take_in(services, stop))


async def take_in(services: wiring.Services, stop: asyncio.Event) -> None:
    """Take in shop events: offsets are committed only after their effects; a batch that failed is tried again."""
    assert services.events is not None  # noqa: S101 - started only with a source of events
    failures = 0
    pending: list[Record] = []
    while not stop.is_set():
        try:
            pending = pending or await services.events.poll(max_records=INTAKE_BATCH, timeout_s=_INTAKE_WAIT_S)
            if pending:
                await services.context.ingest(pending)
                pending = []
                await services.events.commit()
            failures = 0
        except (EventSourceError, DatabaseError, Problem, *LostConnection) as error:
            failures += 1
            _log.warning("intake.failed", failures=failures, records=len(pending), exc_info=error)
            await wait_for(stop, min(_LONGEST_BACKOFF_S, 0.1 * 2**failures))


async def _measure(services: wiring.Services, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await services.measure()
        except (DatabaseError, Problem, *LostConnection) as error:
            _log.warning("measure.failed", exc_info=error)
        await wait_for(stop, _GAUGES_EVERY_S)
