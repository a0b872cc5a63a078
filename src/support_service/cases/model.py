"""What a case is and how it may change: pure rules, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from support_service.cases.delivery import Delivery


class Status(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    PENDING = "PENDING"
    """Waiting for the customer."""
    ON_HOLD = "ON_HOLD"
    """Waiting for somebody else."""
    RESOLVED = "RESOLVED"
    """Answered; a message of the customer opens it again."""
    CLOSED = "CLOSED"
    """Ended; a message of the customer opens a linked case."""


class Priority(StrEnum):
    """How much a case matters."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class Channel(StrEnum):
    """How the customer came to us."""

    WEB = "WEB"
    EMAIL = "EMAIL"
    CHAT = "CHAT"
    PHONE = "PHONE"
    SOCIAL = "SOCIAL"
    API = "API"


class AuthorType(StrEnum):
    """Whose words a message holds."""

    AGENT = "AGENT"
    CUSTOMER = "CUSTOMER"
    BOT = "BOT"


UNFINISHED = frozenset({Status.OPEN, Status.PENDING, Status.ON_HOLD})

_LIVE_MOVES = frozenset({*UNFINISHED, Status.RESOLVED, Status.CLOSED})
MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.OPEN: _LIVE_MOVES - {Status.OPEN},
        Status.PENDING: _LIVE_MOVES - {Status.PENDING},
        Status.ON_HOLD: _LIVE_MOVES - {Status.ON_HOLD},
        Status.RESOLVED: frozenset({Status.OPEN, Status.CLOSED}),
        Status.CLOSED: frozenset(),
    }
)
"""The state machine: from each status, those that a person may move a case to."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a case waits for: a state of its order, of a payment or of a shipment of it."""

    source: str
    status: str

    @property
    def kind(self) -> str:
        """The kind of the fact that tells of it."""
        return f"{self.source}.{self.status}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A case as it stands in `support_tickets`."""

    ticket_id: UUID
    reference: str
    customer_id: str
    order_id: str | None
    channel: Channel
    subject: str
    category: str | None
    priority: Priority
    status: Status
    assignee: UUID | None
    team: str | None
    tags: tuple[str, ...]
    language: str | None
    contact: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    version: int
    reports: int
    opened_by: UUID
    awaiting_since: datetime | None
    first_responded_at: datetime | None
    next_due_at: datetime | None
    waits_for: Awaited | None
    linked_ticket_id: UUID | None
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None

    @property
    def facts(self) -> "CaseFacts":
        """What decides who sees it and what its timeline is about."""
        return CaseFacts(
            self.ticket_id, self.version, self.reports, self.customer_id, self.order_id, self.team, self.opened_by
        )


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What decides who sees a case and what its timeline is about, at a version of it.

    `reports` counts the deliveries reported since: they change what is shown of a case, and not its version.
    """

    ticket_id: UUID
    version: int
    reports: int
    customer_id: str
    order_id: str | None
    team: str | None
    opened_by: UUID

    @property
    def shown(self) -> tuple[int, int]:
        """Grows with everything that changes what is shown of the case."""
        return self.version, self.reports


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits for something of its order."""

    ticket_id: UUID
    order_id: str
    awaited: Awaited


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; `number` counts from 1 within its case, `delivery` is of a reply with a carrier."""

    conversation_id: UUID
    ticket_id: UUID
    number: int
    author_type: AuthorType
    message: str
    internal: bool
    author_id: UUID
    recorded_by: UUID | None
    attachment_uri: str | None
    sentiment: str | None
    metadata: Mapping[str, Any] | None
    created_at: datetime
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class NewCase:
    """What opens a case; `description` becomes its first message, of the customer."""

    customer_id: str
    order_id: str | None
    channel: Channel
    subject: str
    description: str
    priority: Priority
    language: str | None
    contact: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    linked_ticket_id: UUID | None = None
    team: str | None = None

    def ticket(self, ticket_id: UUID, *, team: str | None, opened_by: UUID, at: datetime) -> Ticket:
        """The case as it is opened, with the customer waiting from then on; its reference is drawn when it is stored."""
        return Ticket(
            ticket_id=ticket_id,
            reference="",
            customer_id=self.customer_id,
            order_id=self.order_id,
            channel=self.channel,
            subject=self.subject,
            category=None,
            priority=self.priority,
            status=Status.OPEN,
            assignee=None,
            team=team,
            tags=(),
            language=self.language,
            contact=self.contact,
            metadata=self.metadata,
            version=1,
            reports=0,
            opened_by=opened_by,
            awaiting_since=at,
            first_responded_at=None,
            next_due_at=None,
            waits_for=None,
            linked_ticket_id=self.linked_ticket_id,
            created_at=at,
            updated_at=at,
            resolved_at=None,
            closed_at=None,
        )


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is said in a case."""

    text: str
    author_type: AuthorType
    internal: bool
    seen_through: UUID | None


@dataclass(frozen=True, slots=True)
class Response:
    """A customer was answered: how long they waited, and whether it was the first answer of the case."""

    kind: str
    seconds: float
    channel: Channel


@dataclass(frozen=True, slots=True)
class Standing:
    """The parts of a ticket that a message can move."""

    status: Status
    awaiting_since: datetime | None
    first_responded_at: datetime | None


def after_message(before: Standing, message: NewMessage, at: datetime) -> tuple[Standing, float | None]:
    """Where a case stands after a message, and the seconds the customer had waited if this answers them.

    The response clock runs from the first unanswered message of the customer to the next public reply of an agent;
    notes and bots do not stop it. A customer's message opens a case again, but for a CLOSED one, which is not moved.
    """
    if message.author_type is AuthorType.CUSTOMER:
        status = before.status if before.status is Status.CLOSED else Status.OPEN
        return Standing(status, before.awaiting_since or at, before.first_responded_at), None
    if message.author_type is AuthorType.AGENT and not message.internal:
        waited = None if before.awaiting_since is None else max(0.0, (at - before.awaiting_since).total_seconds())
        return Standing(before.status, None, before.first_responded_at or at), waited
    return before, None
