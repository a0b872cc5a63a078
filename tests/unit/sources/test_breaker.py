"""The breaker: open after failures in a row, one probe at a time, closed by a probe that succeeds."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from support.clocks import HandClock
from support_service.sources.breaker import Breaker, BreakerOpen


class DownError(Exception):
    pass


class OtherError(Exception):
    pass


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breaker(clock: HandClock) -> Breaker:
    return Breaker("test", clock, failures=3, probe_s=10)


def attempt(breaker: Breaker, error: Exception | None = None) -> None:
    with breaker.guard(lambda raised: isinstance(raised, DownError)):
        if error is not None:
            raise error


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(DownError):
            attempt(breaker, DownError())


def state() -> float | None:
    return REGISTRY.get_sample_value("support_breaker_state", {"backend": "test"})


def test_three_failures_in_a_row_open_it_and_nothing_is_tried_then(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert state() == 2
    with pytest.raises(BreakerOpen):
        attempt(breaker)


def test_a_success_between_failures_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 2)
    attempt(breaker)
    fail(breaker, 2)
    attempt(breaker)
    assert state() == 0


def test_errors_that_are_not_the_backends_fault_do_not_count(breaker: Breaker) -> None:
    for _ in range(9):
        with pytest.raises(OtherError):
            attempt(breaker, OtherError())
    assert breaker.lets_through


def test_after_the_interval_one_probe_is_let_through_and_its_success_closes_it(
    breaker: Breaker, clock: HandClock
) -> None:
    fail(breaker, 3)
    clock.go_on(9.9)
    assert not breaker.lets_through
    clock.go_on(0.1)
    with breaker.guard(lambda _: True):
        assert state() == 1
        with pytest.raises(BreakerOpen):
            attempt(breaker)
    assert state() == 0
    attempt(breaker)


def test_a_probe_that_fails_keeps_it_open_for_another_interval(breaker: Breaker, clock: HandClock) -> None:
    fail(breaker, 3)
    clock.go_on(10)
    fail(breaker)
    clock.go_on(9.9)
    with pytest.raises(BreakerOpen):
        attempt(breaker)
    clock.go_on(0.1)
    attempt(breaker)
    assert state() == 0


def test_a_probe_whose_caller_went_away_leaves_the_next_one_to_probe(breaker: Breaker, clock: HandClock) -> None:
    fail(breaker, 3)
    clock.go_on(10)
    with pytest.raises(asyncio.CancelledError), breaker.guard(lambda _: True):
        raise asyncio.CancelledError
    assert state() == 2
    attempt(breaker)
    assert state() == 0


def test_a_call_from_before_it_opened_that_comes_back_late_does_not_close_it(breaker: Breaker) -> None:
    with breaker.guard(lambda _: True):
        fail(breaker, 3)
    assert not breaker.lets_through
