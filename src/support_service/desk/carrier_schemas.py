"""What the carriers of replies are given, and what they report."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from support_service.cases import Channel, Delivery, DeliveryState, FailureReason, Parcel
from support_service.kit.inputs import Moment
from support_service.kit.models import Input, Output
from support_service.kit.paging import PageQuery, PageSize

_ProviderId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]


class DeliveryReport(Input):
    """What became of a reply. No words of a provider: they may hold an address."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"state": "failed", "reason": "mailbox_full", "reported_at": "2026-06-01T12:00:00Z"}]
        },
    )

    state: DeliveryState
    reported_at: Moment = Field(
        description="When it was so, by your clock. Reports are ordered by it, in whatever order they come."
    )
    reason: FailureReason | None = Field(default=None, description="Why it did not reach the customer; needs `failed`.")
    provider_id: _ProviderId | None = Field(
        default=None, description="What your provider calls it, such as a Message-ID."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.state is DeliveryState.QUEUED:
            message = "a reply is queued until a report says more"
            raise ValueError(message)
        if (self.reason is not None) is not (self.state is DeliveryState.FAILED):
            message = "a reason belongs to a failure, and a failure has one"
            raise ValueError(message)
        return self

    def delivery(self) -> Delivery:
        """The report as the use case takes it."""
        return Delivery(self.state, self.reason, self.reported_at, self.provider_id)


class DeliveryQuery(PageQuery):
    """Which replies a carrier asks for."""

    state: DeliveryState = DeliveryState.QUEUED
    limit: PageSize = 50


class ReportedDelivery(Output):
    """How a delivery stands after a report; another state than the one reported: what stood was later."""

    conversation_id: UUID
    state: DeliveryState
    reason: FailureReason | None
    reported_at: datetime | None
    provider_id: str | None

    @classmethod
    def of(cls, conversation_id: UUID, delivery: Delivery) -> Self:
        """The delivery as its carrier sees it."""
        return cls(
            conversation_id=conversation_id,
            state=delivery.state,
            reason=delivery.reason,
            reported_at=delivery.reported_at,
            provider_id=delivery.provider_id,
        )


class DeliveryItem(ReportedDelivery):
    """A reply on its way, with what it takes to bring it."""

    ticket_id: UUID
    number: int = Field(description="Counts from 1 within the case.")
    message: str
    created_at: datetime = Field(description="Since when it waits.")
    reference: str = Field(description="The case's, for people to say and write: `S-1042`.")
    channel: Channel
    subject: str
    customer_id: str
    contact: dict[str, Any] | None = Field(description="How to reach the customer, as you gave it with the case.")
    language: str | None
    metadata: dict[str, Any] | None = Field(description="What you kept with the case, such as its first mail's id.")
    earlier: tuple[UUID, ...] = Field(
        description="The replies of this case before this one, the last 20, oldest first: for a thread's references."
    )

    @classmethod
    def of_parcel(cls, parcel: Parcel) -> Self:
        """A reply as its carrier sees it."""
        own = {name: getattr(parcel, name) for name in cls.model_fields.keys() - ReportedDelivery.model_fields.keys()}
        delivery = ReportedDelivery.of(parcel.conversation_id, parcel.delivery)
        return cls(**dict(delivery), **own)


class ReplyDeliveryPage(Output):
    """A page of replies, oldest first."""

    items: tuple[DeliveryItem, ...]
    next_cursor: str | None
