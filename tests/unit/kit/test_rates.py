"""Rate limits: ten seconds' worth at once, then the rate; by person and operation, in bounded memory."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.clocks import HandClock
from support_service.kit.problems import TooManyRequests
from support_service.kit.rates import AT_ONCE_S, Buckets, Limits, Rate, Rates

TEN = Rate.of(10)


def drawn(buckets: Buckets, key: int | str, most: int, rate: Rate | None = TEN) -> int:
    """How many of so many requests are let pass."""
    for number in range(most):
        try:
            buckets.draw(key, rate)
        except TooManyRequests:
            return number
    return most


def wait_told(buckets: Buckets, key: int | str = 1, rate: Rate | None = TEN) -> int:
    with pytest.raises(TooManyRequests) as refused:
        buckets.draw(key, rate)
    return int(refused.value.headers["retry-after"])


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def buckets(clock: HandClock) -> Buckets:
    return Buckets("GET /", clock.monotonic)


def test_ten_seconds_worth_may_be_drawn_at_once_and_then_the_rate(buckets: Buckets, clock: HandClock) -> None:
    assert drawn(buckets, 1, 1_000) == 100
    clock.go_on(1)
    assert drawn(buckets, 1, 1_000) == 10
    clock.go_on(1_000_000)
    assert drawn(buckets, 1, 1_000) == 100, "a bucket holds no more"


def test_what_is_told_to_wait_is_true_and_asking_meanwhile_costs_nothing(buckets: Buckets, clock: HandClock) -> None:
    slow = Rate.of(0.25)
    assert drawn(buckets, 1, 100, slow) == 3, "ten seconds' worth is two and a half"
    assert wait_told(buckets, rate=slow) == 4
    for _ in range(50):
        wait_told(buckets, rate=slow)
    clock.go_on(3.9)
    wait_told(buckets, rate=slow)
    clock.go_on(0.1)
    assert drawn(buckets, 1, 100, slow) == 1


@given(st.floats(0.02, 10_000), st.lists(st.tuples(st.integers(0, 300), st.floats(0, 30)), max_size=8))
def test_no_more_passes_than_the_rate_and_what_may_be_at_once_and_the_wait_told_is_enough(
    per_second: float, bursts: list[tuple[int, float]]
) -> None:
    clock, rate = HandClock(), Rate.of(per_second)
    buckets, passed, began = Buckets("GET /", clock.monotonic), 0, clock.monotonic()
    for count, pause in bursts:
        passed += drawn(buckets, 1, count, rate)
        assert passed <= AT_ONCE_S * per_second + 1 + (clock.monotonic() - began) * per_second + 1e-6
        clock.go_on(pause)
    passed = drawn(buckets, 1, 200_000, rate)
    if passed < 200_000:
        clock.go_on(wait_told(buckets, rate=rate))
        assert drawn(buckets, 1, 1, rate) == 1


def test_others_do_not_notice_nor_do_other_operations_nor_machines(clock: HandClock) -> None:
    limits = Limits(Rates(reads=TEN, writes=Rate.of(1), machine_reads=Rate.of(50)), clock.monotonic)
    read, other, write = limits.of("GET", "/a"), limits.of("GET", "/b"), limits.of("POST", "/a")
    assert drawn(read.buckets, 1, 1_000, read.person) == 100
    assert drawn(limits.of("GET", "/a").buckets, 1, 1, read.person) == 0
    assert drawn(read.buckets, 2, 1_000, read.person) == 100
    assert drawn(other.buckets, 1, 1_000, other.person) == 100
    assert drawn(write.buckets, 1, 1_000, write.person) == 10
    assert drawn(read.buckets, 3, 1_000, read.machine) == 500
    assert drawn(write.buckets, 3, 10_000, write.machine) == 10_000, "no rate is set"


def test_without_a_rate_nothing_is_kept(buckets: Buckets) -> None:
    assert drawn(buckets, 1, 10_000, Rate.of(0)) == 10_000
    assert len(buckets) == 0


def test_a_wall_clock_that_is_set_back_changes_nothing(buckets: Buckets, clock: HandClock) -> None:
    assert drawn(buckets, 1, 1_000) == 100
    clock._at = clock._at.replace(year=2020)
    wait_told(buckets)
    clock.go_on(1)
    assert drawn(buckets, 1, 1_000) == 10


def test_a_process_that_is_started_anew_has_full_buckets(clock: HandClock) -> None:
    for _ in range(2):
        assert drawn(Buckets("GET /", clock.monotonic), 1, 1_000) == 100


def test_a_million_people_do_not_grow_the_memory_and_who_has_to_wait_is_not_forgotten(clock: HandClock) -> None:
    buckets = Buckets("GET /", clock.monotonic, most=10_000)
    assert drawn(buckets, "wild", 1_000) == 100
    sizes = []
    for number in range(1_000_000):
        buckets.draw(number, TEN)
        if number % 50_000 == 0:
            sizes.append(sys.getsizeof(buckets._full_at))
            assert len(buckets) <= 10_000
    assert len(buckets) <= 10_000
    assert max(sizes) < 1_000_000
    wait_told(buckets, "wild")


def test_tokens_that_prove_nothing_are_counted_by_address(clock: HandClock) -> None:
    limits = Limits(Rates(failed_sign_ins=Rate.of(1)), clock.monotonic)
    for _ in range(10):
        limits.check_sign_in("192.0.2.1")
        limits.sign_in_failed("192.0.2.1")
    for asked in (limits.check_sign_in, limits.sign_in_failed):
        with pytest.raises(TooManyRequests):
            asked("192.0.2.1")
        asked("192.0.2.2")
    clock.go_on(1)
    limits.check_sign_in("192.0.2.1")
