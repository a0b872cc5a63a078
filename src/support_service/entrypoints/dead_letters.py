"""`support-service dead-letters`: what could not be used, looked at and taken in once more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from support_service import wiring
from support_service.config import Settings
from support_service.demo.state import DemoFolder
from support_service.kit import deadletters, logs
from support_service.kit.deadletters import KeptLetter
from support_service.kit.problems import Problem

_AT_ONCE = 500

_console = Console(highlight=False)


def list_kept(*, topic: str | None, limit: int) -> int:
    """Print the oldest dead letters as a table."""

    async def listed(services: wiring.Services) -> int:
        async with services.database.connection() as connection:
            letters = await deadletters.kept(connection, topic=topic, limit=limit)
        table = Table("id", "since", "topic", "partition", "offset", "tries", "reason", box=None, pad_edge=False)
        for one in letters:
            letter = one.letter
            origin = (letter.topic, str(letter.partition), str(letter.position))
            since = one.received_at.isoformat(timespec="seconds")
            table.add_row(str(one.dead_letter_id), since, *origin, str(letter.attempts), letter.reason)
        _console.print(table if letters else "There are no dead letters.")
        return 0

    return _run(listed)


def show(dead_letter_id: UUID) -> int:
    """Print a dead letter whole; returns 1 when there is none of that id."""

    async def shown(services: wiring.Services) -> int:
        async with services.database.connection() as connection:
            found = await deadletters.find(connection, dead_letter_id)
        if found is None:
            return _missing(dead_letter_id)
        letter = found.letter
        _console.print(f"{letter.topic} / {letter.partition} / {letter.position}, since {found.received_at}")
        _console.print(f"{letter.reason}, after {letter.attempts} tries")
        for name, value in (("key", letter.key or b""), *letter.headers, ("value", letter.value)):
            _console.print(f"{name}: {value.decode('utf-8', 'backslashreplace')}", markup=False, soft_wrap=True)
        return 0

    return _run(shown)


def replay(dead_letter_ids: Sequence[UUID] | None, *, topic: str | None) -> int:
    """Take these in once more, or all of a topic, or all; returns 1 when some still cannot be used."""

    async def replayed(services: wiring.Services) -> int:
        used = still = 0
        async for one in _wanted(services, dead_letter_ids, topic):
            if isinstance(one, UUID):
                still += _missing(one)
                continue
            reason = await services.context.replay(one)
            used += reason is None
            if reason is not None:
                still += 1
                _console.print(f"{one.dead_letter_id}: {reason}")
        _console.print(f"{used} taken in, {still} not.")
        return int(still > 0)

    return _run(replayed)


async def _wanted(
    services: wiring.Services, dead_letter_ids: Sequence[UUID] | None, topic: str | None
) -> AsyncIterator[KeptLetter | UUID]:
    """Those named, or all; of one that is named and not there its id."""
    for dead_letter_id in dead_letter_ids or ():
        async with services.database.connection() as connection:
            found = await deadletters.find(connection, dead_letter_id)
        yield found or dead_letter_id
    after: UUID | None = None
    while not dead_letter_ids:
        async with services.database.connection() as connection:
            letters = await deadletters.kept(connection, topic=topic, after=after, limit=_AT_ONCE)
        for letter in letters:
            yield letter
        if len(letters) < _AT_ONCE:
            return
        after = letters[-1].dead_letter_id


def _missing(dead_letter_id: UUID) -> int:
    _console.print(f"{dead_letter_id}: there is no such dead letter")
    return 1


def _run(work: Callable[[wiring.Services], Awaitable[int]]) -> int:
    """Without settings of its own the command works on this checkout's running demo."""
    logs.configure(log_format="console", level="error")
    DemoFolder.of_this_checkout().lend_settings()

    async def run() -> int:
        services = wiring.Services(Settings(), name="support-dead-letters")
        try:
            return await work(services)
        finally:
            await services.close()

    try:
        return asyncio.run(run())
    except ValidationError:
        _console.print("[red]Not done:[/] a setting is missing or wrong: support-service doctor says which.")
    except (Problem, wiring.NotConfigured) as error:
        _console.print(f"[red]Not done:[/] {error}")
    return 1
