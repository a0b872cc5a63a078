"""`support-service dead-letters`: what could not be used, looked at and taken in once more."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from rich.table import Table

from support_service import wiring
from support_service.entrypoints.command import console, run
from support_service.kit import deadletters
from support_service.kit.deadletters import KeptLetter

_AT_ONCE = 500
_NAME = "support-dead-letters"


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
        console.print(table if letters else "There are no dead letters.")
        return 0

    return run(_NAME, listed)


def show(dead_letter_id: UUID) -> int:
    """Print a dead letter whole; returns 1 when there is none of that id."""

    async def shown(services: wiring.Services) -> int:
        async with services.database.connection() as connection:
            found = await deadletters.find(connection, dead_letter_id)
        if found is None:
            return _missing(dead_letter_id)
        letter = found.letter
        console.print(f"{letter.topic} / {letter.partition} / {letter.position}, since {found.received_at}")
        console.print(f"{letter.reason}, after {letter.attempts} tries")
        for name, value in (("key", letter.key or b""), *letter.headers, ("value", letter.value)):
            console.print(f"{name}: {value.decode('utf-8', 'backslashreplace')}", markup=False, soft_wrap=True)
        return 0

    return run(_NAME, shown)


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
                console.print(f"{one.dead_letter_id}: {reason}")
        console.print(f"{used} taken in, {still} not.")
        return int(still > 0)

    return run(_NAME, replayed)


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
    console.print(f"{dead_letter_id}: there is no such dead letter")
    return 1
