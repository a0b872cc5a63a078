"""The response clock and the state machine, as pure rules."""

from datetime import UTC, datetime, timedelta

import pytest

from support_service.cases.model import MOVES, AuthorType, NewMessage, Standing, Status, after_message

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
FRESH = Standing(Status.OPEN, awaiting_since=START, first_responded_at=None)


def said(author_type: AuthorType, *, internal: bool = False) -> NewMessage:
    return NewMessage("…", author_type, internal, None)


def test_a_public_reply_of_an_agent_ends_the_wait_and_is_the_first_response() -> None:
    at = START + timedelta(seconds=42)
    standing, waited = after_message(FRESH, said(AuthorType.AGENT), at)
    assert waited == 42
    assert standing == Standing(Status.OPEN, None, at)


@pytest.mark.parametrize(
    "message", [said(AuthorType.BOT), said(AuthorType.AGENT, internal=True), said(AuthorType.BOT, internal=True)]
)
def test_bots_and_notes_do_not_stop_the_clock(message: NewMessage) -> None:
    assert after_message(FRESH, message, START + timedelta(hours=1)) == (FRESH, None)


def test_the_wait_counts_from_the_first_unanswered_message() -> None:
    again, _ = after_message(FRESH, said(AuthorType.CUSTOMER), START + timedelta(seconds=30))
    _, waited = after_message(again, said(AuthorType.AGENT), START + timedelta(seconds=50))
    assert waited == 50


def test_a_reply_nobody_waited_for_measures_nothing_and_keeps_the_first_response() -> None:
    first = START - timedelta(hours=1)
    calm = Standing(Status.OPEN, None, first)
    standing, waited = after_message(calm, said(AuthorType.AGENT), START)
    assert waited is None
    assert standing.first_responded_at == first


def test_a_clock_that_went_back_gives_no_negative_wait() -> None:
    _, waited = after_message(FRESH, said(AuthorType.AGENT), START - timedelta(seconds=5))
    assert waited == 0


@pytest.mark.parametrize("status", [Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.RESOLVED])
def test_a_customers_message_opens_a_case_again_and_starts_the_clock(status: Status) -> None:
    standing, _ = after_message(Standing(status, None, START), said(AuthorType.CUSTOMER), START)
    assert standing == Standing(Status.OPEN, START, START)


def test_every_status_has_its_moves_and_none_moves_to_itself() -> None:
    assert set(MOVES) == set(Status)
    assert all(status not in moves for status, moves in MOVES.items())


def test_closed_is_the_end_and_resolved_goes_only_back_or_on() -> None:
    assert MOVES[Status.CLOSED] == frozenset()
    assert MOVES[Status.RESOLVED] == {Status.OPEN, Status.CLOSED}
