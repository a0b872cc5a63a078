"""All SQL of webhooks and their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from support_service.kit.database import Row, Tx
from support_service.kit.ids import new_id
from support_service.kit.sql import load_queries, rows_in
from support_service.webhooks.model import Attempt, Claimed, Delivery, DeliveryStatus, OffReason, Verdict, Webhook

_SQL = load_queries("support_service.webhooks")
_MOST_ATTEMPTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A subscription that is to be."""

    url: str
    types: tuple[str, ...] | None
    description: str | None
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listener:
    """What the follower of the log needs to know of a subscription."""

    webhook_id: UUID
    types: frozenset[str] | None
    from_position: int
    """It is told of what comes after this position."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event for a subscription."""

    webhook_id: UUID
    event_id: UUID
    type: str
    body: str


async def insert(tx: Tx, new: NewWebhook, *, by: UUID, at: datetime, from_position: int, most: int) -> Webhook | None:
    """Add a subscription, switched on; None when there are `most` already."""
    await tx.execute(_SQL["lock_creation"])
    if await tx.fetchval(_SQL["count_webhooks"]) >= most:
        return None
    (row,) = await tx.fetch(
        _SQL["insert_webhook"],
        new_id(),
        new.url,
        None if new.types is None else list(new.types),
        new.description,
        new.secret,
        from_position,
        by,
        at,
    )
    return _webhook(row)


async def webhook(connection: Tx, webhook_id: UUID, *, lock: bool = False) -> Webhook | None:
    """One subscription, its row locked if wanted."""
    row = await connection.fetchrow(_SQL["webhook_locked" if lock else "webhook"], webhook_id)
    return None if row is None else _webhook(row)


async def webhooks(connection: Tx, *, before: UUID | None, limit: int) -> list[Webhook]:
    """The newest subscriptions, before one when named."""
    return [_webhook(row) for row in await connection.fetch(_SQL["webhooks"], before, limit)]


async def save(tx: Tx, wanted: Webhook, at: datetime, *, head: int) -> Webhook:
    """Keep a subscription as wanted; switched on or off it is told of what comes after `head`."""
    (row,) = await tx.fetch(
        _SQL["save_webhook"],
        wanted.webhook_id,
        wanted.url,
        None if wanted.types is None else list(wanted.types),
        wanted.description,
        wanted.active,
        wanted.off_reason,
        at,
        head,
    )
    return _webhook(row)


async def rotate(tx: Tx, webhook_id: UUID, secret: str, *, until: datetime, at: datetime) -> Webhook | None:
    """Give it a new secret; the one it had signs beside it `until` then."""
    row = await tx.fetchrow(_SQL["rotate_secret"], webhook_id, secret, until, at)
    return None if row is None else _webhook(row)


async def delete(tx: Tx, webhook_id: UUID) -> bool:
    """Delete a subscription; returns whether there was one."""
    return await tx.fetchval(_SQL["delete_webhook"], webhook_id) is not None


async def listeners(tx: Tx) -> list[Listener]:
    """The subscriptions that are switched on."""
    return [
        Listener(row["webhook_id"], None if row["types"] is None else frozenset(row["types"]), row["from_position"])
        for row in await tx.fetch(_SQL["listeners"])
    ]


async def states(connection: Tx) -> dict[str, int]:
    """How many subscriptions are `active`, and how many are off, by why."""
    return {row["state"]: row["webhooks"] for row in await connection.fetch(_SQL["states"])}


async def insert_deliveries(tx: Tx, outgoing: Sequence[Outgoing], at: datetime) -> list[UUID]:
    """Have these sent as soon as may be; returns their deliveries' ids."""
    ids = [new_id() for _ in outgoing]
    await tx.execute(
        _SQL["insert_deliveries"],
        ids,
        [one.webhook_id for one in outgoing],
        [one.event_id for one in outgoing],
        [one.type for one in outgoing],
        [one.body for one in outgoing],
        at,
    )
    return ids


async def deliveries(
    connection: Tx, webhook_id: UUID, *, status: DeliveryStatus | None, before: UUID | None, limit: int
) -> list[Delivery]:
    """The newest deliveries of a subscription, of one status when named, before one when named."""
    return [_delivery(row) for row in await connection.fetch(_SQL["deliveries"], webhook_id, status, before, limit)]


async def delivery(connection: Tx, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
    """One delivery of a subscription."""
    row = await connection.fetchrow(_SQL["delivery"], webhook_id, delivery_id)
    return None if row is None else _delivery(row)


async def replay(tx: Tx, webhook_id: UUID, delivery_id: UUID, at: datetime) -> Delivery | None:
    """Begin a delivery anew; None when it is not there, or being sent."""
    row = await tx.fetchrow(_SQL["replay"], webhook_id, delivery_id, at)
    return None if row is None else _delivery(row)


async def replay_failed(tx: Tx, webhook_id: UUID, *, first: UUID, besides: str, limit: int, at: datetime) -> int:
    """Begin the oldest failed deliveries from an id on anew, but for one type; returns how many, at most `limit`."""
    return rows_in(await tx.execute(_SQL["replay_failed"], webhook_id, first, at, besides, limit))


async def webhooks_due(connection: Tx, at: datetime) -> list[UUID]:
    """The subscriptions for which something is due."""
    return [row["webhook_id"] for row in await connection.fetch(_SQL["webhooks_due"], at)]


async def claim(
    tx: Tx, webhook_ids: Sequence[UUID], claim_id: UUID, *, at: datetime, until: datetime, each: int, most: int
) -> list[Claimed]:
    """Claim what is due for these subscriptions.

    Args:
        tx: a transaction of its own.
        webhook_ids: whose; those that another sender claims for at this moment are left out.
        claim_id: whose claim it is.
        at: now.
        until: when the claim runs out.
        each: how many of one subscription may be under way at once.
        most: how many are wanted.
    """
    mine = [row["webhook_id"] for row in await tx.fetch(_SQL["lock_webhooks"], list(webhook_ids))]
    rows = await tx.fetch(_SQL["claim"], mine, at, each, most, claim_id, until) if mine else []
    return [_claimed(row) for row in rows]


async def record_attempt(tx: Tx, claimed: Claimed, claim_id: UUID, attempt: Attempt, verdict: Verdict) -> bool:
    """Keep how an attempt went and what follows for the delivery; returns whether it was still this claim's to say."""
    attempts = [one.as_json() for one in (*claimed.attempts, attempt)[-_MOST_ATTEMPTS_KEPT:]]
    finished_at = None if verdict.status is DeliveryStatus.PENDING else attempt.at
    status = await tx.execute(
        _SQL["record_attempt"], claimed.delivery_id, claim_id, verdict.status, verdict.next_at, finished_at, attempts
    )
    return rows_in(status) > 0


async def works_again(tx: Tx, webhook_id: UUID) -> None:
    """Something was delivered."""
    await tx.execute(_SQL["works_again"], webhook_id)


async def fails(tx: Tx, webhook_id: UUID, at: datetime) -> None:
    """Something could not be delivered."""
    await tx.execute(_SQL["fails"], webhook_id, at)


async def switch_off(tx: Tx, webhook_id: UUID, reason: OffReason, at: datetime) -> bool:
    """Switch a subscription off; returns whether it was on."""
    return await tx.fetchval(_SQL["switch_off"], webhook_id, reason, at) is not None


async def oldest_due_s(connection: Tx, at: datetime) -> float:
    """For how many seconds the delivery that is due longest has been; 0 when none is."""
    return float(await connection.fetchval(_SQL["oldest_due"], at))


async def purge(connection: Tx, before: UUID, limit: int) -> int:
    """Delete one batch of the deliveries whose ids were made before this one; returns how many."""
    return rows_in(await connection.execute(_SQL["purge_deliveries"], before, limit))


async def forget(connection: Tx, webhook_id: UUID, limit: int) -> int:
    """Delete one batch of the deliveries of a subscription; returns how many."""
    return rows_in(await connection.execute(_SQL["forget_deliveries"], webhook_id, limit))


def _webhook(row: Row) -> Webhook:
    fields = dict(row)
    fields["types"] = None if row["types"] is None else tuple(row["types"])
    fields["off_reason"] = None if row["off_reason"] is None else OffReason(row["off_reason"])
    return Webhook(**fields)


def _delivery(row: Row) -> Delivery:
    fields = dict(row)
    return Delivery(
        **fields | {"status": DeliveryStatus(row["status"]), "attempts": tuple(map(Attempt.of, row["attempts"]))}
    )


def _claimed(row: Row) -> Claimed:
    fields = dict(row)
    held = fields.pop("secret"), fields.pop("previous_secret")
    secrets = tuple(secret for secret in held if secret is not None)
    return Claimed(**fields | {"attempts": tuple(map(Attempt.of, row["attempts"])), "secrets": secrets})
