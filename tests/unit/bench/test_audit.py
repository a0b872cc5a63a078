"""Access rows compared with the requests."""

from bench.audit import faults_of

_LOOKS = {(0, 0, 7), (0, 1, 7)}


def test_rows_that_are_exactly_the_looks_are_right() -> None:
    assert faults_of([(0, 1, 7), (0, 0, 7)], _LOOKS) == []


def test_a_missing_a_doubled_and_a_strange_row_are_faults() -> None:
    assert faults_of([(0, 0, 7)], _LOOKS) == ["1 looks without an access row"]
    assert faults_of([(0, 1, 7), (0, 0, 7), (0, 0, 7)], _LOOKS) == ["1 access rows twice"]
    assert faults_of([(0, 1, 7), (0, 0, 7), (1, 0, 7)], _LOOKS) == ["1 access rows without a look"]


def test_a_look_across_two_minutes_has_its_row_in_either_and_not_in_none() -> None:
    perhaps = {(5, 5, 7)}
    for minute in (7, 8):
        assert faults_of([(5, 5, minute)], set(), perhaps) == []
    assert faults_of([], set(), perhaps) == ["1 looks without an access row"]
    assert faults_of([(5, 5, 9)], set(), perhaps) == ["1 looks without an access row", "1 access rows without a look"]


def test_a_request_without_success_may_have_left_a_row_or_none() -> None:
    refused = {(9, 9, 7)}
    assert faults_of([(0, 1, 7), (0, 0, 7)], _LOOKS, refused=refused) == []
    assert faults_of([(0, 1, 7), (0, 0, 7), (9, 9, 8)], _LOOKS, refused=refused) == []
