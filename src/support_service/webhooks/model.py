"""Subscriptions, deliveries and what follows from an attempt: pure rules, no I/O."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from support_service.cases import (
    AwaitedCame,
    CaseAssigned,
    CaseClosed,
    CaseOpened,
    CaseUpdated,
    DeliveryChanged,
    MessagePosted,
    StatusChanged,
)
from support_service.context import TimelineChanged
from support_service.kit.eventlog import LoggedEvent, LogRow

TEST_EVENT = "support.webhook.test"
"""Sent when somebody wants to see whether it comes; it is not in the event log."""

_EVENTS: Sequence[type[LoggedEvent]] = (
    CaseOpened,
    MessagePosted,
    StatusChanged,
    CaseAssigned,
    CaseUpdated,
    CaseClosed,
    AwaitedCame,
    DeliveryChanged,
    TimelineChanged,
)
EVENT_TYPES = tuple(event.type_ for event in _EVENTS)
"""What can be subscribed to: the published events (docs/events.md)."""

MOST_WEBHOOKS = 50
OVERLAP = timedelta(hours=24)
"""How long a secret that was replaced signs beside the new one."""

GIVEN_UP_AFTER = timedelta(days=5)
"""A subscription whose every attempt failed for so long is switched off."""

PAUSES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""From each failed attempt to the next, in seconds: a little over three days in all."""

_SPREAD = 0.2
"""Each pause is up to so much longer, by chance: what failed together does not come back together."""

LONGEST_RETRY_AFTER_S = 86_400.0
_GONE = 410


class DeliveryStatus(StrEnum):
    """How a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class OffReason(StrEnum):
    """Why a subscription is switched off."""

    BY_HAND = "by_hand"
    GONE = "gone"
    """The receiver answered 410."""

    FAILING = "failing"
    """Every attempt failed for `GIVEN_UP_AFTER`."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription. Its secrets are not part of what is known of it."""

    webhook_id: UUID
    url: str
    types: tuple[str, ...] | None
    """None: all there are, also those still to come."""

    description: str | None
    active: bool
    off_reason: OffReason | None
    version: int
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver, and how it went."""

    at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None
    """A code; None when it was taken."""

    excerpt: str | None
    """How the answer to a try that failed begins."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """An attempt as `as_json` keeps it."""
        return cls(**{**kept, "at": datetime.fromisoformat(kept["at"])})

    def as_json(self) -> dict[str, Any]:
        """The attempt as it is kept."""
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one subscription."""

    delivery_id: UUID
    webhook_id: UUID
    event_id: UUID
    type: str
    status: DeliveryStatus
    attempts: tuple[Attempt, ...]
    next_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery whose turn it is, with all it takes to send it."""

    delivery_id: UUID
    webhook_id: UUID
    event_id: UUID
    type: str
    body: str
    tries: int
    """How often it was tried since it was last begun, this time included."""

    attempts: tuple[Attempt, ...]
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an attempt."""

    status: DeliveryStatus
    next_at: datetime | None
    off: OffReason | None


def body_of(row: LogRow) -> str:
    """An event of the log as it is sent: compact JSON; `sequence` and `position` tell its place, as order is not kept."""
    return envelope(
        row.type,
        row.occurred_at,
        row.data,
        {"subject": row.subject, "sequence": row.sequence, "position": row.position},
    )


def envelope(type_: str, at: datetime, data: Mapping[str, Any], place: Mapping[str, Any] | None = None) -> str:
    """The body of a webhook, as Standard Webhooks lays it out, with its place in the log between."""
    told = {"type": type_, "timestamp": at.isoformat(timespec="microseconds"), **(place or {}), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def error_of(status_code: int) -> str | None:
    """What an answer's status means, as a code; None: it was taken."""
    match status_code // 100:
        case 2:
            return None
        case 3:
            return "redirect"
        case _:
            return "gone" if status_code == _GONE else "status"


def verdict(claimed: Claimed, attempt: Attempt, *, retry_after_s: float | None, spread: float) -> Verdict:
    """What becomes of a delivery, and of its subscription, after an attempt.

    Args:
        claimed: what was to be delivered.
        attempt: how it went.
        retry_after_s: seconds that the receiver asked to be left alone for; never makes the next attempt come sooner.
        spread: a number by chance, from 0 to 1.
    """
    if attempt.error is None:
        return Verdict(DeliveryStatus.DELIVERED, None, None)
    if attempt.error == "gone":
        return Verdict(DeliveryStatus.FAILED, None, OffReason.GONE)
    if claimed.type == TEST_EVENT:
        return Verdict(DeliveryStatus.FAILED, None, None)
    since = claimed.failing_since or attempt.at
    off = OffReason.FAILING if attempt.at - since >= GIVEN_UP_AFTER else None
    if claimed.tries > len(PAUSES_S):
        return Verdict(DeliveryStatus.FAILED, None, off)
    pause = PAUSES_S[claimed.tries - 1] * (1 + _SPREAD * spread)
    pause = max(pause, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
    return Verdict(DeliveryStatus.PENDING, attempt.at + timedelta(seconds=pause), off)
