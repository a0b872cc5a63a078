"""What follows from an attempt, what can be subscribed to, and how an event is laid out."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from tools.contracts.events import event_types

from support_service.kit.eventlog import LogRow
from support_service.webhooks.model import (
    EVENT_TYPES,
    PAUSES_S,
    TEST_EVENT,
    Attempt,
    Claimed,
    DeliveryStatus,
    OffReason,
    Verdict,
    body_of,
    envelope,
    error_of,
    verdict,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CLAIMED = Claimed(
    delivery_id=uuid4(),
    webhook_id=uuid4(),
    event_id=uuid4(),
    type="support.case.opened",
    body="{}",
    tries=1,
    attempts=(),
    url="https://receiver.example/?key=PLANTED",
    secrets=("whsec_PLANTED",),
    failing_since=None,
)


def attempt(error: str | None, status_code: int | None = None) -> Attempt:
    return Attempt(NOW, 12, status_code, error, None)


def after(
    claimed: Claimed, error: str | None = "timeout", *, asks_for: float | None = None, chance: float = 0
) -> Verdict:
    return verdict(claimed, attempt(error), retry_after_s=asks_for, spread=chance)


def pause(found: Verdict) -> float:
    assert found.next_at is not None
    return (found.next_at - NOW).total_seconds()


def test_everything_that_is_published_can_be_subscribed_to_and_nothing_else() -> None:
    assert set(EVENT_TYPES) == {event.type_ for event in event_types()}
    assert TEST_EVENT not in EVENT_TYPES


def test_what_fails_is_tried_again_later_and_later_over_three_days_and_then_no_more() -> None:
    pauses = [pause(after(replace(CLAIMED, tries=tries))) for tries in range(1, 10)]
    assert pauses == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert all(earlier < later for earlier, later in pairwise(pauses))
    assert timedelta(days=3) < timedelta(seconds=sum(pauses)) < timedelta(days=3.5)
    assert after(replace(CLAIMED, tries=10)) == Verdict(DeliveryStatus.FAILED, None, None)


def test_chance_spreads_what_failed_together_over_a_fifth_of_its_pause() -> None:
    assert pause(after(CLAIMED, chance=1)) == 6
    assert 5 < pause(after(CLAIMED, chance=0.5)) < 6


@pytest.mark.parametrize(("asks_for", "expected"), [(1, 5), (120, 120), (86_400, 86_400), (10**9, 86_400), (None, 5)])
def test_a_receiver_may_ask_for_a_longer_pause_of_a_day_at_most(asks_for: float | None, expected: float) -> None:
    assert pause(after(CLAIMED, "status", asks_for=asks_for)) == expected


def test_what_was_taken_is_delivered_and_what_is_gone_ends_the_subscription() -> None:
    assert after(CLAIMED, None) == Verdict(DeliveryStatus.DELIVERED, None, None)
    assert after(CLAIMED, "gone") == Verdict(DeliveryStatus.FAILED, None, OffReason.GONE)


def test_a_test_event_is_tried_once() -> None:
    assert after(replace(CLAIMED, type=TEST_EVENT)) == Verdict(DeliveryStatus.FAILED, None, None)


@pytest.mark.parametrize("tries", [1, len(PAUSES_S) + 1])
def test_a_subscription_whose_every_attempt_failed_for_five_days_is_switched_off(tries: int) -> None:
    at_last = replace(CLAIMED, tries=tries, failing_since=NOW - timedelta(days=5))
    assert after(at_last).off is OffReason.FAILING
    assert after(replace(at_last, failing_since=NOW - timedelta(days=4.9))).off is None
    assert after(at_last, None).off is None


@pytest.mark.parametrize(
    ("status_code", "error"),
    [(200, None), (204, None), (299, None), (301, "redirect"), (307, "redirect"), (400, "status"), (404, "status"),
     (410, "gone"), (429, "status"), (500, "status"), (503, "status"), (100, "status")],
)  # fmt: skip
def test_only_a_2xx_is_a_success(status_code: int, error: str | None) -> None:
    assert error_of(status_code) == error


def test_neither_the_secrets_nor_the_url_are_in_what_a_claim_shows_of_itself() -> None:
    assert "PLANTED" not in repr(CLAIMED)


def test_an_event_is_laid_out_compactly_with_its_place_in_the_log() -> None:
    row = LogRow(
        position=7,
        event_id=UUID("01a21637-c5d9-7a59-b1df-3a5e4eaaf163"),
        type="support.case.closed",
        subject="s-1",
        sequence=3,
        body='{"ticket_id": "s-1", "team": "trả hàng"}',
        occurred_at=NOW,
        trace=None,
    )
    body = body_of(row)
    assert body.startswith('{"type":"support.case.closed","timestamp":"2026-06-01T12:00:00.000000+00:00",')
    assert ", " not in body
    told = json.loads(body)
    assert (told["subject"], told["sequence"], told["position"]) == ("s-1", 3, 7)
    assert told["data"] == row.data
    assert set(json.loads(envelope(TEST_EVENT, NOW, {}))) == {"type", "timestamp", "data"}
