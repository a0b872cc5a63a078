"""What the desk's routes take and give. Inputs refuse unknown fields; outputs show what the reader's profile allows."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from support_service.attachments import MOST_PER_MESSAGE, AttachedFile
from support_service.cases import (
    AuthorType,
    Awaited,
    Channel,
    Conversation,
    Delivery,
    DeliveryState,
    FailureReason,
    Message,
    NewCase,
    Priority,
    Status,
    Ticket,
    Workload,
)
from support_service.directory import Principal, Profile
from support_service.kit.inputs import NotNul, OneLine, Printable, SmallObject, Switch
from support_service.kit.models import Input, Output
from support_service.kit.paging import PageQuery, PageSize
from support_service.kit.words import tsqueries
from support_service.sources import SOURCES
from support_service.timeline import TimelineResponse

_MOST_TAGS = 20


def _findable(query: str) -> str:
    tsqueries(query)
    return query


Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@#-]{0,127}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), Printable]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000), NotNul]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
AttachmentsOf = Mapping[UUID, tuple[AttachedFile, ...]]
"""By message, the files it holds."""


class TicketCreate(Input):
    """A new case. `description` is the customer's own words and becomes the first message."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "c-0001",
                    "order_id": "o-0001",
                    "channel": "WEB",
                    "subject": "Where is my parcel?",
                    "description": "It was to arrive on Monday and has not moved since.",
                    "priority": "NORMAL",
                    "language": "en",
                }
            ]
        }
    )

    customer_id: Identifier
    order_id: Identifier | None = None
    channel: Channel
    subject: Line
    description: Text
    priority: Priority = Priority.NORMAL
    language: Language | None = Field(default=None, description="BCP 47, such as `vi` or `en-GB`.")
    contact: SmallObject | None = Field(default=None, description="How to reach the customer, as the channel has it.")
    metadata: SmallObject | None = Field(default=None, description="Whatever the opener wants to keep with the case.")

    def case(self) -> NewCase:
        """The new case as the use case takes it."""
        return NewCase(**self.model_dump())


class MessageCreate(Input):
    """Something said in a case; whose words it is follows from who sends it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"message": "Your parcel is on its way; it comes tomorrow.", "internal": False}]
        }
    )

    message: Text
    internal: Switch = Field(default=False, description="A note for colleagues, never sent to the customer.")
    on_behalf_of_customer: Switch = Field(
        default=False,
        description="The customer's words: recorded by an agent, or passed on by a machine client (else it speaks as BOT).",
    )
    seen_through: UUID | None = Field(
        default=None, description="The last message the writer had seen; 409 if others have written since."
    )
    attachment_ids: Annotated[list[UUID], Field(max_length=MOST_PER_MESSAGE)] = Field(
        default=[], description="Files of this case that you uploaded, that are ready, and that no message holds yet."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.internal and self.on_behalf_of_customer:
            message = "a customer's words cannot be an internal note"
            raise ValueError(message)
        return self


class AwaitedState(Input):
    """A state of the case's order, of a payment or of a shipment of it."""

    source: Literal["order", "payment", "shipment"]
    status: str = Field(max_length=64)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        known = next(source.statuses for source in SOURCES if source.name == self.source)
        if self.status not in known:
            message = f"must be one of {', '.join(known)}"
            raise ValueError(message)
        return self


class TicketChange(Input):
    """The fields of a case to change; those left out stay, null clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "PENDING", "priority": "HIGH"}]})

    status: Status = Status.OPEN
    priority: Priority = Priority.NORMAL
    assignee: UUID | None = None
    team: Name | None = None
    order_id: Identifier | None = None
    subject: Line = ""
    category: Name | None = None
    tags: Annotated[list[Name], Field(max_length=_MOST_TAGS)] = []  # noqa: RUF012 - pydantic copies it
    language: Language | None = None
    waits_for: AwaitedState | None = Field(
        default=None, description="The case is opened again when this comes; null: it waits for nothing any more."
    )

    def changes(self) -> dict[str, object]:
        """The fields that were sent, under their names in `Ticket`."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if "tags" in sent:
            sent["tags"] = tuple(dict.fromkeys(self.tags))
        if self.waits_for is not None:
            sent["waits_for"] = Awaited(self.waits_for.source, self.waits_for.status)
        return sent


class CaseQuery(PageQuery):
    """What a list of cases is narrowed to."""

    status: Annotated[list[Status], Field(max_length=len(Status))] = []  # noqa: RUF012 - as above
    assignee: UUID | None = None
    team: Name | None = None
    customer_id: Identifier | None = None
    order_id: Identifier | None = None
    undelivered: bool = Field(default=False, description="Only those with a reply that did not reach the customer.")
    q: Annotated[str, StringConstraints(max_length=200), AfterValidator(_findable)] | None = Field(
        default=None,
        description="Words that stand in a case, its messages or its contact; accents and case do not count, the last may be"
        " begun only. A page may then hold fewer than `limit` and still have a `next_cursor`.",
    )
    limit: PageSize = 50


class CaseReadQuery(Input):
    """How a case is read."""

    include_timeline: bool = Field(
        default=False, alias="includeTimeline", description="Give the timeline with the case."
    )


class TicketResponse(Output):
    """A case. Personal fields are null for a reader who may not see them."""

    ticket_id: UUID
    reference: str = Field(description="For people to say and write: `S-1042`.")
    customer_id: str | None
    order_id: str | None
    channel: Channel
    subject: str | None
    category: str | None
    priority: Priority
    status: Status
    assignee: UUID | None
    team: str | None
    tags: tuple[str, ...]
    language: str | None
    contact: dict[str, Any] | None
    metadata: dict[str, Any] | None
    version: int = Field(description="Grows with every change and message; the ETag for If-Match.")
    opened_by: UUID
    awaiting_since: datetime | None = Field(description="Since when the customer waits for an answer.")
    first_responded_at: datetime | None
    next_due_at: datetime | None
    waits_for: AwaitedState | None = Field(description="What opens the case again when it comes.")
    linked_ticket_id: UUID | None = Field(description="The closed case that this one goes on from.")
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, ticket: Ticket, profile: Profile) -> Self:
        """A case as a reader of this profile sees it."""
        return cls(**_ticket_fields(ticket, profile))


class ReplyDelivery(Output):
    """How a reply stands on its way to the customer."""

    state: DeliveryState
    reason: FailureReason | None = Field(description="Why it did not reach the customer; with `failed` alone.")
    reported_at: datetime | None = Field(description="When it was so, by its carrier's clock; null while it is queued.")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The delivery as it is sent."""
        return cls(state=delivery.state, reason=delivery.reason, reported_at=delivery.reported_at)


class ConversationMessage(Output):
    """A message of a conversation."""

    conversation_id: UUID
    ticket_id: UUID
    number: int = Field(description="Counts from 1 within the case.")
    author_type: AuthorType
    message: str | None
    internal: bool
    author_id: UUID
    recorded_by: UUID | None = Field(description="Who wrote down the customer's words.")
    attachment_uri: str | None = Field(description="The name for ever of its first file; no address to fetch it from.")
    attachments: tuple[AttachedFile, ...] = Field(description="The files it holds.")
    sentiment: str | None
    created_at: datetime
    delivery: ReplyDelivery | None = Field(
        description="Of an agent's reply that a carrier brings to the customer; null: nobody does, or it is no reply."
    )

    @classmethod
    def of(cls, message: Message, profile: Profile, attachments: tuple[AttachedFile, ...] = ()) -> Self:
        """A message as a reader of this profile sees it."""
        return cls(
            conversation_id=message.conversation_id,
            ticket_id=message.ticket_id,
            number=message.number,
            author_type=message.author_type,
            message=None if profile is Profile.MASKED else message.message,
            internal=message.internal,
            author_id=message.author_id,
            recorded_by=message.recorded_by,
            attachment_uri=None if profile is Profile.MASKED else message.attachment_uri,
            attachments=attachments,
            sentiment=message.sentiment,
            created_at=message.created_at,
            delivery=None if message.delivery is None else ReplyDelivery.of(message.delivery),
        )


class TicketDetail(TicketResponse):
    """A case with its conversation and, when asked for, its timeline."""

    conversation: tuple[ConversationMessage, ...] = Field(description="The newest messages, oldest first.")
    older_messages: bool = Field(description="Whether there are messages before these.")
    carrier: UUID | None = Field(
        description="The client that brings replies to the customer; null: nobody does, as a person opened the case."
    )
    timeline: TimelineResponse | None = Field(default=None, description="Present with includeTimeline=true.")

    @classmethod
    def with_conversation(
        cls, ticket: Ticket, conversation: Conversation, profile: Profile, attachments: AttachmentsOf
    ) -> Self:
        """A case and its conversation as a reader of this profile sees them, without a timeline."""
        messages = tuple(
            ConversationMessage.of(message, profile, attachments.get(message.conversation_id, ()))
            for message in conversation.messages
        )
        return cls(
            **_ticket_fields(ticket, profile),
            conversation=messages,
            older_messages=conversation.older,
            carrier=conversation.carrier,
            timeline=None,
        )


class TicketPage(Output):
    """A page of cases, newest first."""

    items: tuple[TicketResponse, ...]
    next_cursor: str | None


class MessagePage(Output):
    """A page of messages, newest first."""

    items: tuple[ConversationMessage, ...]
    next_cursor: str | None


class WorkloadResponse(Output):
    """What lies with one agent now."""

    agent_id: UUID
    open: int = Field(description="Unfinished cases assigned to the agent.")
    by_status: dict[str, int]
    by_priority: dict[str, int]
    oldest_wait_seconds: float = Field(description="How long the customer who waits longest has waited; 0 if none.")

    @classmethod
    def of(cls, workload: Workload) -> Self:
        """The workload as it is sent."""
        return cls(
            agent_id=workload.agent_id,
            open=workload.open,
            by_status=workload.by_status,
            by_priority=workload.by_priority,
            oldest_wait_seconds=round(workload.oldest_wait_seconds, 3),
        )


def _ticket_fields(ticket: Ticket, profile: Profile) -> dict[str, Any]:
    fields = {name: getattr(ticket, name) for name in TicketResponse.model_fields}
    if ticket.waits_for is not None:
        fields["waits_for"] = AwaitedState.model_construct(**asdict(ticket.waits_for))
    if profile is Profile.MASKED:
        fields |= {"customer_id": None, "subject": None, "contact": None, "metadata": None, "tags": ()}
    return fields


class AgentResponse(Output):
    """The person or client that a token stands for."""

    agent_id: UUID
    name: str | None
    roles: tuple[str, ...]
    teams: tuple[str, ...]

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """The principal as it is sent."""
        return cls(
            agent_id=principal.principal_id,
            name=principal.name,
            roles=tuple(sorted(principal.roles)),
            teams=tuple(sorted(principal.teams)),
        )
