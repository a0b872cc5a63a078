"""`support-service rebuild`: what came by event in a period, taken in once more from the topics that still hold it.

For a database that was set back to a backup, or events that went by while nobody took them in. What is there stays as it is.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from support_service import wiring
from support_service.adapters.kafka import KafkaReplay
from support_service.entrypoints.command import console, run
from support_service.kit.database import DatabaseError, LostConnection
from support_service.kit.problems import Problem
from support_service.ports.events import EventSourceError

_BATCH = 500
_WAIT_S = 1.0
_MOST_FAILURES = 8
"""In a row, each after a longer pause: about a minute."""


def rebuild(since: datetime, until: datetime | None, *, anew: bool) -> int:
    """Take in a period once more; returns 1 when it could not be finished. Times without a zone are in UTC."""
    begin, end = _aware(since), None if until is None else _aware(until)

    async def rebuilt(services: wiring.Services) -> int:
        replay = wiring.replay(services.settings, begin, end, anew=anew)
        try:
            taken = await _take_in_visibly(services, replay)
            cases = await enrich_all(services)
        except (Problem, EventSourceError, DatabaseError, *LostConnection) as error:
            console.print(f"[red]Not finished:[/] {error} The same command goes on where this one was.")
            return 1
        finally:
            await replay.close()
        console.print(f"{taken} records taken in. The contexts of {cases} cases are put together anew by the workers.")
        return 0

    return run("support-rebuild", rebuilt)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


async def _take_in_visibly(services: wiring.Services, replay: KafkaReplay) -> int:
    total = await replay.begin()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("events", total=total)
        taken = await take_in(services, replay, lambda count: progress.advance(bar, count))
        progress.update(bar, completed=total)
    return taken


async def take_in(services: wiring.Services, replay: KafkaReplay, tell: Callable[[int], object]) -> int:
    """Take in the rest of a period; returns how many records that were, and tells of each batch."""
    taken = failures = 0
    while not replay.whole:
        try:
            records = await replay.poll(max_records=_BATCH, timeout_s=_WAIT_S)
        except EventSourceError:
            failures += 1
            if failures > _MOST_FAILURES:
                raise
            await asyncio.sleep(min(15.0, 0.25 * 2**failures))
            continue
        failures = 0
        if records:
            await services.context.ingest(records)
        await replay.commit()
        taken += len(records)
        tell(len(records))
    await replay.commit()
    return taken


async def enrich_all(services: wiring.Services) -> int:
    """Have the context of every case that is not closed put together anew; returns how many those are."""
    count = 0
    after: UUID | None = None
    while True:
        async with services.database.transaction() as tx:
            cases = await services.cases.live_after(tx, after, _BATCH)
            await services.context.enrich_again(tx, cases)
        count += len(cases)
        if len(cases) < _BATCH:
            return count
        after = cases[-1].ticket_id
