"""What is read back from the topics of the relay's benchmark."""

from dataclasses import replace

from bench.broker import Published
from bench.relay import differences, faults_of


def event(position: int, offset: int, key: str = "a", partition: int = 0) -> Published:
    return Published(partition, offset, key, "{}", (("ce_position", str(position)),))


def test_every_row_once_and_each_key_in_its_order_is_right() -> None:
    assert faults_of([event(1, 0), event(2, 0, "b", 1), event(3, 1)], 3) == []


def test_a_row_that_is_lost_or_came_twice_is_a_fault() -> None:
    assert faults_of([event(1, 0), event(3, 1)], 3) == ["2 events in the topic, not 3", "positions have gaps"]
    assert faults_of([event(1, 0), event(1, 1)], 2) == [
        "positions have gaps",
        "1 events behind a later one of their key",
    ]


def test_an_event_behind_a_later_one_of_its_key_is_a_fault() -> None:
    assert faults_of([event(2, 0), event(1, 1)], 2) == ["1 events behind a later one of their key"]
    assert faults_of([event(2, 0), event(1, 1, "b")], 2) == []


def test_the_rival_must_send_the_same_bytes_to_the_same_places() -> None:
    ours = [event(1, 0), event(2, 1)]
    assert differences(ours, [event(2, 5), event(1, 7)]) == []
    assert differences(ours, [event(1, 0), replace(event(2, 1), value="{ }")]) != []
    assert differences(ours, ours[:1]) != []
