"""The checker of histories: it finds every kind of broken promise, and nothing wrong with a right history."""

from collections.abc import Sequence
from random import Random

import pytest
from bench.history import Read, Write, judge

WRITES = (Write("o", 1, 0.0, 0.1), Write("o", 2, 10.0, 10.1), Write("o", 3, 20.0, 20.1))


def read(began: float, version: int, *, session: str = "s", subject: str = "o", status: int = 200) -> Read:
    return Read(session, "a", subject, began, began + 0.05, version, status)


def broken(*reads: Read, writes: Sequence[Write] = WRITES) -> dict[str, int]:
    return {name: breach.count for name, breach in judge(writes, reads).breaches.items()}


def test_a_history_that_keeps_every_promise_has_no_breach() -> None:
    reads = [read(0.3, 0), read(1.0, 1), read(10.02, 1), read(10.59, 1), read(10.61, 2), read(20.05, 3), read(31.0, 3)]
    verdict = judge(WRITES, reads)
    assert not verdict.breaches
    assert not str(verdict)
    assert (verdict.reads, verdict.held, verdict.raced, verdict.refused) == (7, 3, 4, 0)
    assert verdict.covered == 2


def test_less_than_was_committed_half_a_second_before_a_read_began_breaks_the_first_promise() -> None:
    assert broken(read(10.59, 1)) == {}
    assert broken(read(10.61, 1)) == {"P1": 1}
    assert broken(read(10.61, 0), read(10.62, 1, session="t")) == {"P1": 2}


def test_a_write_that_took_long_is_due_only_when_it_was_committed_for_certain() -> None:
    slow = [Write("o", 1, 0.0, 0.1), Write("o", 2, 1.0, 5.0)]
    assert broken(read(5.4, 1), read(5.45, 2), writes=slow) == {}
    assert broken(read(2.0, 2), writes=slow) == {}


def test_ones_own_write_is_due_in_the_next_read_and_anothers_is_not() -> None:
    writes = [Write("o", 1, 0.0, 0.1), Write("o", 2, 10.0, 10.1, session="s")]
    assert broken(read(10.15, 1), writes=writes) == {"P2": 1}
    assert broken(read(10.15, 1, session="t"), writes=writes) == {}
    assert broken(read(10.05, 1), writes=writes) == {}


def test_a_session_that_goes_back_breaks_the_third_promise_in_whichever_process_it_asks() -> None:
    back = Read("s", "b", "o", 10.25, 10.3, 1)
    assert broken(read(10.11, 2), back) == {"P3": 1}
    assert broken(read(10.11, 2, session="t"), back) == {}


def test_reads_of_one_session_that_overlap_may_be_answered_either_way() -> None:
    assert broken(Read("s", "a", "o", 10.1, 10.4, 2), Read("s", "b", "o", 10.2, 10.5, 1)) == {}


def test_after_the_quiet_a_read_shows_exactly_the_last_version() -> None:
    assert broken(read(30.2, 3)) == {}
    assert broken(read(30.2, 2)) == {"P1": 1, "P4": 1}
    assert broken(read(30.2, 9)) == {"P4": 1, "unwritten": 1}


def test_a_version_shown_before_anybody_began_to_write_it_is_told() -> None:
    assert broken(read(9.0, 2)) == {"unwritten": 1}
    assert broken(read(9.99, 2)) == {}  # answered while it was being written


def test_a_read_without_success_is_counted_and_nothing_else() -> None:
    verdict = judge(WRITES, [read(15.0, 0, status=503), read(15.0, 2, status=304)])
    assert (verdict.reads, verdict.refused) == (1, 1)
    assert not verdict.breaches


def test_a_breach_says_which_read_and_what_it_had_to_show() -> None:
    told = str(judge(WRITES, [read(10.61, 1, session="the-session")]))
    assert "P1 broken 1 times" in told
    assert "the-session" in told
    assert "had to show 2" in told


@pytest.mark.parametrize("late_s", [0.0, 0.45, 0.6])
def test_a_cache_that_lags_is_caught_exactly_when_it_lags_more_than_the_bound(late_s: float) -> None:
    random = Random(7)
    writes = [Write("o", n, n * 2.0, n * 2.0 + 0.01) for n in range(1, 500)]
    reads = []
    for n in range(5_000):
        began = random.uniform(2.0, 990.0)
        version = max(0, int((began - late_s - 0.01) // 2.0))
        reads.append(Read(f"s-{n}", "a", "o", began, began + 0.02, version))
    assert set(broken(*reads, writes=writes)) == ({"P1"} if late_s > 0.5 else set())
