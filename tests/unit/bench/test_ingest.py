"""The shop's tidings of the intake's benchmark, and what has to be in the tables after it."""

from bench import tidings
from bench.ingest import Turn, faults_of

ORDERS = tidings.orders_of(100)
CASES = tidings.watched(ORDERS)
RIGHT = {"inbox": 1400, "orders": 100, "generations": 28, "logged": 28, "context": 30, "letters": 0}


def test_each_order_tells_all_its_events_in_order_and_far_apart() -> None:
    told = tidings.events(ORDERS)
    assert len(told) == len(ORDERS) * tidings.EVENTS_OF_ORDER == len({event.event_id for event in told})
    of_one = [number for number, event in enumerate(told) if event.key == ORDERS[3]]
    assert of_one == list(range(3, len(told), len(ORDERS)))
    times = [told[number].occurred_at for number in of_one]
    assert times == sorted(times)


def test_two_in_a_hundred_events_are_on_orders_with_a_case() -> None:
    assert len(CASES) * 50 == len(ORDERS)


def test_exactly_the_effects_of_the_events_are_right() -> None:
    assert faults_of("ours", RIGHT, ORDERS, CASES) == []
    assert faults_of("typed", {"copied": 1400}, ORDERS, CASES) == []


def test_an_event_that_is_lost_or_counted_twice_is_a_fault() -> None:
    assert faults_of("ours", {**RIGHT, "inbox": 1399}, ORDERS, CASES) == ["ours: inbox 1399, not 1400"]
    assert faults_of("ours", {**RIGHT, "logged": 29}, ORDERS, CASES) == ["ours: logged 29, not 28"]
    assert faults_of("raw", {"copied": 0}, ORDERS, CASES) == ["raw: copied 0, not 1400"]


def test_a_turn_tells_events_for_a_cpu_second_and_its_slowest_batches() -> None:
    turn = Turn(1000, 0.5, 2.0, [float(n) for n in range(1, 101)])
    assert (turn.per_cpu_second, turn.p99_ms) == (2000, 100)
