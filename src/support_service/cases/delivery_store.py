"""All SQL of the deliveries of replies."""

from dataclasses import fields
from datetime import datetime
from uuid import UUID

from support_service.cases.delivery import QUEUED, Delivery, DeliveryState, FailureReason, Parcel
from support_service.kit.database import Row, Tx
from support_service.kit.sql import load_queries

_SQL = load_queries("support_service.cases")
_EARLIER = 20
"""Replies before one that its carrier is told of: what a mail names of its thread (RFC 5322, 3.6.4)."""


async def queue(tx: Tx, ticket_id: UUID, conversation_id: UUID) -> Delivery | None:
    """Have a reply wait for the carrier of its case; None when the case has none."""
    queued = await tx.fetchval(_SQL["insert_delivery"], conversation_id, ticket_id)
    return None if queued is None else QUEUED


async def carrier(connection: Tx, ticket_id: UUID) -> UUID | None:
    """The machine client that brings the replies of a case to the customer: the one that opened it."""
    found: UUID | None = await connection.fetchval(_SQL["carrier"], ticket_id)
    return found


async def delivery(tx: Tx, ticket_id: UUID, conversation_id: UUID) -> tuple[int, Delivery] | None:
    """The number of a reply of this case and how its delivery stands; None when there is none such that is delivered."""
    row = await tx.fetchrow(_SQL["delivery"], conversation_id, ticket_id)
    return None if row is None else (row["number"], _delivery(row))


async def save(tx: Tx, conversation_id: UUID, report: Delivery) -> None:
    """Write down how a delivery stands now; a provider's id that was told once stays."""
    await tx.execute(
        _SQL["save_delivery"], conversation_id, report.state, report.reason, report.reported_at, report.provider_id
    )


async def count_report(tx: Tx, ticket_id: UUID) -> None:
    """What is shown of a locked case has changed, but not its version."""
    await tx.execute(_SQL["count_report"], ticket_id)


async def unanswered_since(tx: Tx, ticket_id: UUID) -> datetime | None:
    """Since when the customer waits, by the replies that have not failed."""
    since: datetime | None = await tx.fetchval(_SQL["unanswered_since"], ticket_id)
    return since


async def parcels(
    connection: Tx, carrier_id: UUID, state: DeliveryState, *, after: UUID | None, limit: int
) -> list[Parcel]:
    """A carrier's replies in this state, oldest first."""
    rows = await connection.fetch(_SQL["parcels"], carrier_id, state, after, limit, _EARLIER)
    return [_parcel(row) for row in rows]


async def queued_longest(connection: Tx) -> datetime | None:
    """When the reply was written that waits longest for its carrier."""
    at: datetime | None = await connection.fetchval(_SQL["queued_longest"])
    return at


def shown_with(message: Row) -> Delivery | None:
    """The delivery in a row of a message; None when it has none."""
    if message["delivery_state"] is None:
        return None
    return _of(message["delivery_state"], message["delivery_reason"], message["delivery_reported_at"], None)


def _delivery(row: Row) -> Delivery:
    return _of(row["state"], row["reason"], row["reported_at"], row["provider_id"])


def _of(state: str, reason: str | None, reported_at: datetime | None, provider_id: str | None) -> Delivery:
    return Delivery(DeliveryState(state), None if reason is None else FailureReason(reason), reported_at, provider_id)


def _parcel(row: Row) -> Parcel:
    own = {field.name: row[field.name] for field in fields(Parcel) if field.name not in {"delivery", "earlier"}}
    return Parcel(**own, delivery=_delivery(row), earlier=tuple(reversed(row["earlier"])))
