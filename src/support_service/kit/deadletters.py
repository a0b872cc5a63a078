"""Dead letters: messages that could not be used, kept whole, with the reason, so that nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


async def waiting(connection: Tx) -> int:
    """How many dead letters there are."""
    return int(await connection.fetchval(_SQL["waiting"]))
