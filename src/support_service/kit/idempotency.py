"""Idempotency keys: the same request sent twice has one effect and gets the same answer.

The answer is recorded in the transaction of its effect (draft-ietf-httpapi-idempotency-key-header), so there is no
moment in which one exists without the other. A key is scoped by principal and route and lives 24 hours.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from support_service.kit.database import Database, Tx
from support_service.kit.problems import Conflict, InvalidInput
from support_service.kit.sql import load_queries

_SQL = load_queries("support_service.kit")
LIFETIME = timedelta(hours=24)
LONGEST_KEY = 255
_PURGE_BATCH = 1_000


class IdempotencyKeyReused(InvalidInput):
    """This Idempotency-Key was used with another request."""


class RequestInProgress(Conflict):
    """A request with this Idempotency-Key is being worked on."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a key counts: one principal, one route, one key."""

    principal_id: UUID
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was sent, to be sent again."""

    status: int
    headers: dict[str, str]
    body: bytes


def fingerprint(*parts: bytes) -> bytes:
    """A digest of what makes two requests the same: the path and the body."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


async def begin(tx: Tx, scope: Scope, print_: bytes, now: datetime) -> Answer | None:
    """Take the key for this transaction; returns the earlier answer when there is one.

    Raises:
        IdempotencyKeyReused: the key was used with another request.
        RequestInProgress: another transaction holds the key.
    """
    if not await tx.fetchval(_SQL["lock_key"], f"{scope.principal_id}\n{scope.route}\n{scope.key}"):
        raise RequestInProgress
    row = await tx.fetchrow(_SQL["find_key"], scope.principal_id, scope.route, scope.key, now - LIFETIME)
    if row is None:
        return None
    if row["fingerprint"] != print_:
        raise IdempotencyKeyReused
    return Answer(row["status"], row["headers"], row["body"])


async def record(tx: Tx, scope: Scope, print_: bytes, answer: Answer, now: datetime) -> None:
    """Keep the answer, in the transaction that `begin` took the key in."""
    await tx.execute(
        _SQL["record_key"],
        scope.principal_id,
        scope.route,
        scope.key,
        print_,
        answer.status,
        answer.headers,
        answer.body,
        now,
    )


async def purge(database: Database, now: datetime) -> None:
    """Delete the keys whose life is over, in batches."""
    async with database.connection() as connection:
        while await connection.execute(_SQL["purge_keys"], now - LIFETIME, _PURGE_BATCH) != "DELETE 0":
            pass
