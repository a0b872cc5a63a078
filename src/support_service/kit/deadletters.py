"""Dead letters: messages that could not be used, kept whole, with the reason, so that nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from support_service.kit import logs, metrics
from support_service.kit.database import Tx
from support_service.kit.ids import new_id
from support_service.kit.sql import load_queries

_SQL = load_queries("support_service.kit")
_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message as it came, where it came from, and why it was set aside."""

    topic: str
    partition: int
    position: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes
    reason: str
    attempts: int


async def put(tx: Tx, letter: DeadLetter, received_at: datetime) -> None:
    """Keep a message that cannot be used; the same one again changes nothing."""
    await tx.execute(
        _SQL["put"],
        new_id(),
        letter.topic,
        letter.partition,
        letter.position,
        letter.key,
        [[name, value.decode("utf-8", "replace")] for name, value in letter.headers],
        letter.value,
        letter.reason,
        letter.attempts,
        received_at,
    )
    metrics.DEAD_LETTERS.labels(letter.topic, letter.reason).inc()
    _log.warning(
        "dead_letter", topic=letter.topic, partition=letter.partition, offset=letter.position, reason=letter.reason
    )


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as it is kept: since when, under which id."""

    dead_letter_id: UUID
    received_at: datetime
    letter: DeadLetter


async def kept(connection: Tx, *, topic: str | None = None, after: UUID | None = None, limit: int) -> list[KeptLetter]:
    """The dead letters, oldest first: at most `limit`, of one topic when named, after a letter when named."""
    return [_kept(row) for row in await connection.fetch(_SQL["letters"], topic, after, limit)]


async def find(connection: Tx, dead_letter_id: UUID) -> KeptLetter | None:
    """One dead letter; None when it is none, or no more."""
    row = await connection.fetchrow(_SQL["letter"], dead_letter_id)
    return None if row is None else _kept(row)


async def used(tx: Tx, dead_letter_id: UUID) -> None:
    """In the transaction of its effects: it is a dead letter no more."""
    await tx.execute(_SQL["letter_used"], dead_letter_id)


async def refused_again(tx: Tx, dead_letter_id: UUID, reason: str) -> None:
    """It was tried once more, and could not be used for this reason."""
    await tx.execute(_SQL["letter_refused_again"], dead_letter_id, reason)


def _kept(row: Any) -> KeptLetter:
    letter = DeadLetter(
        topic=row["topic"],
        partition=row["partition"],
        position=row["position"],
        key=row["key"],
        headers=tuple((name, value.encode()) for name, value in row["headers"]),
        value=row["value"],
        reason=row["reason"],
        attempts=row["attempts"],
    )
    return KeptLetter(row["dead_letter_id"], row["received_at"], letter)


async def waiting(connection: Tx) -> int:
    """How many dead letters there are."""
    return int(await connection.fetchval(_SQL["waiting"]))
