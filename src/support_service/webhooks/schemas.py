"""Webhooks and their deliveries as the API takes and shows them. A secret is in two answers, and in no other."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from support_service.kit.addresses import LONGEST_URL
from support_service.kit.inputs import Moment, Printable, Switch
from support_service.kit.models import Input, Output
from support_service.kit.paging import PageQuery, PageSize
from support_service.webhooks.model import EVENT_TYPES, Attempt, Delivery, DeliveryStatus, OffReason, Webhook

_URL_SAYS = (
    "Where events are posted to: https, a name or address of the public internet, no user, no fragment, the usual port or"
    " one from 1024 on."
)
_TYPES_SAY = f"Which events; null: all, also those to come. Known are {', '.join(f'`{name}`' for name in EVENT_TYPES)}."


def _known(types: list[str]) -> list[str]:
    if unknown := sorted(set(types) - set(EVENT_TYPES)):
        message = f"there are no events {', '.join(unknown)}"
        raise ValueError(message)
    return list(dict.fromkeys(types))


_Type = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z.]+$")]
_Types = Annotated[list[_Type], Field(min_length=1, max_length=50), AfterValidator(_known)]
_Description = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Printable]
_Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]


class WebhookCreate(Input):
    """A new subscription to what happens to cases."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://shop.example/hooks/support",
                    "types": ["support.case.opened", "support.case.closed"],
                    "description": "Tells the warehouse",
                }
            ]
        }
    )

    url: _Url = Field(description=_URL_SAYS)
    types: _Types | None = Field(default=None, description=_TYPES_SAY)
    description: _Description | None = None


class WebhookChange(Input):
    """The fields of a subscription to change; those left out stay, null clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    url: _Url = Field(default="", description=_URL_SAYS)
    types: _Types | None = Field(default=None, description=_TYPES_SAY)
    description: _Description | None = None
    active: Switch = Field(
        default=True, description="While it is off nothing is added for it; what waits goes on when it is on again."
    )

    def changes(self) -> dict[str, object]:
        """The fields that were sent, under their names in `Webhook`."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if self.types is not None:
            sent["types"] = tuple(self.types)
        return sent


class WebhookResponse(Output):
    """A subscription."""

    webhook_id: UUID
    url: str
    types: tuple[str, ...] | None
    description: str | None
    active: bool
    off_reason: OffReason | None = Field(
        description="Why it is off: `by_hand`, `gone` (the receiver answered 410), `failing` (for five days)."
    )
    version: int = Field(description="Grows with every change; the ETag for If-Match.")
    failing_since: datetime | None = Field(description="Since when every attempt has failed.")
    previous_secret_until: datetime | None = Field(description="Until when the secret before this one signs, too.")
    created_by: UUID
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """A subscription as it is shown."""
        return cls(**{name: getattr(webhook, name) for name in WebhookResponse.model_fields})


class WebhookWithSecret(WebhookResponse):
    """A subscription with its new secret, which is shown this once."""

    secret: str | None = Field(
        description="`whsec_` and base64: keep it. Null when an answer is given again: have the secret replaced then."
    )

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> Self:
        """A subscription and its secret."""
        return cls(**WebhookResponse.of(webhook).model_dump(), secret=secret)


class WebhookQuery(PageQuery):
    """A page of subscriptions."""

    limit: PageSize = 50


class WebhookPage(Output):
    """A page of subscriptions, newest first."""

    items: tuple[WebhookResponse, ...]
    next_cursor: str | None


class DeliveryQuery(PageQuery):
    """Which deliveries are wanted."""

    status: DeliveryStatus | None = None


class AttemptResponse(Output):
    """One try to deliver."""

    at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None = Field(
        description="Null when it was taken; else `status`, `redirect`, `gone`, `timeout`, `unresolved`, `unreachable`,"
        " `tls`, `broken` or `address_refused`."
    )
    excerpt: str | None = Field(description="How an answer that was no success begins, at most 200 characters.")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """An attempt as it is shown."""
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


class DeliveryResponse(Output):
    """One event for one subscription."""

    delivery_id: UUID
    event_id: UUID = Field(description="The `webhook-id` that it is sent with, each time.")
    type: str
    status: DeliveryStatus
    attempts: tuple[AttemptResponse, ...] = Field(description="The last 20, oldest first.")
    next_at: datetime | None = Field(description="When it is tried next; null when it is not.")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """A delivery as it is shown."""
        told = {name: getattr(delivery, name) for name in cls.model_fields}
        return cls(**told | {"attempts": tuple(map(AttemptResponse.of, delivery.attempts))})


class DeliveryPage(Output):
    """A page of deliveries, newest first."""

    items: tuple[DeliveryResponse, ...]
    next_cursor: str | None


class ReplayRequest(Input):
    """Which failed deliveries are to be sent again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-06-01T00:00:00Z"}]})

    since: Moment = Field(description="Those of events from then on.")


class ReplayResponse(Output):
    """How many deliveries are sent again."""

    replayed: int
    more: bool = Field(description="Whether there may be more; ask again then.")
