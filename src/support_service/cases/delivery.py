"""How a reply reaches the customer: its states, and which of two reports of it stands. Pure rules, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

AHEAD = timedelta(minutes=5)
"""How far the carrier's clock may be ahead of ours: a report from the future would silence all that come after it."""


class DeliveryState(StrEnum):
    """How far a reply has come on its way to the customer."""

    QUEUED = "queued"
    """It waits for its carrier."""
    SENT = "sent"
    """The carrier has handed it on, and does not know yet what became of it."""
    DELIVERED = "delivered"
    """It is where the customer reads it. Nothing follows."""
    FAILED = "failed"
    """It did not reach the customer; the carrier may try again."""


class FailureReason(StrEnum):
    """Why a reply did not reach the customer."""

    BOUNCED = "bounced"
    """It was taken, and came back."""
    REFUSED = "refused"
    """It was not taken."""
    MAILBOX_FULL = "mailbox_full"
    UNKNOWN_ADDRESS = "unknown_address"
    """There is no such address, or none is known of the customer."""
    EXPIRED = "expired"
    """It could not be handed on for so long that the carrier gave it up."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the delivery of one reply stands; `reported_at` is when that was so by the carrier's clock."""

    state: DeliveryState
    reason: FailureReason | None = None
    reported_at: datetime | None = None
    provider_id: str | None = None

    @property
    def rank(self) -> tuple[bool, datetime, bool]:
        """What is greater stands, in whatever order reports come.

        DELIVERED is above all. Of the others the later one stands, by the carrier's own clock; of two at the same time
        the failure.
        """
        at = self.reported_at or datetime.min.replace(tzinfo=UTC)
        return self.state is DeliveryState.DELIVERED, at, self.state is DeliveryState.FAILED

    def gives_way_to(self, report: "Delivery") -> bool:
        """Whether a report changes how it stands."""
        return self.state is not DeliveryState.DELIVERED and report.rank > self.rank


QUEUED = Delivery(DeliveryState.QUEUED)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A reply as its carrier is given it; `earlier` are the replies of its case before it, oldest first."""

    conversation_id: UUID
    ticket_id: UUID
    number: int
    message: str
    created_at: datetime
    delivery: Delivery
    reference: str
    channel: str
    subject: str
    customer_id: str
    contact: Mapping[str, Any] | None
    language: str | None
    metadata: Mapping[str, Any] | None
    earlier: tuple[UUID, ...]
