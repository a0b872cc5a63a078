"""Which report of a delivery stands, in whatever order they come."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.cases.delivery import QUEUED, Delivery, DeliveryState, FailureReason

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SENT, DELIVERED, FAILED = DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.FAILED


def report(state: DeliveryState, minute: int) -> Delivery:
    return Delivery(state, FailureReason.BOUNCED if state is FAILED else None, NOON + timedelta(minutes=minute))


def standing(*reports: Delivery) -> Delivery:
    now = QUEUED
    for one in reports:
        now = one if now.gives_way_to(one) else now
    return now


STATES = st.sampled_from([(SENT, FAILED), (SENT, DELIVERED, FAILED)])  # with DELIVERED it is seldom about the others
REPORTS = STATES.flatmap(lambda of: st.lists(st.builds(report, st.sampled_from(of), st.integers(0, 2)), max_size=6))


@given(REPORTS.flatmap(lambda reports: st.tuples(st.just(reports), st.permutations(reports))))
def test_in_any_order_and_any_number_of_times_reports_end_in_the_same_state(
    told: tuple[list[Delivery], list[Delivery]],
) -> None:
    once, again = told
    assert standing(*once).state is standing(*again, *once, *again).state
    if standing(*once).state is not DELIVERED:
        assert standing(*once) == standing(*again, *once)


@pytest.mark.parametrize(
    ("reports", "stands"),
    [
        ([], DeliveryState.QUEUED),
        ([report(SENT, 1)], SENT),
        ([report(SENT, 1), report(FAILED, 2)], FAILED),
        ([report(FAILED, 2), report(SENT, 1)], FAILED),
        ([report(SENT, 1), report(FAILED, 2), report(SENT, 3)], SENT),
        ([report(SENT, 3), report(FAILED, 2)], SENT),
        ([report(FAILED, 1), report(SENT, 1)], FAILED),
        ([report(SENT, 1), report(FAILED, 1)], FAILED),
        ([report(DELIVERED, 2), report(SENT, 3)], DELIVERED),
        ([report(DELIVERED, 2), report(FAILED, 3)], DELIVERED),
        ([report(FAILED, 3), report(DELIVERED, 2)], DELIVERED),
    ],
)
def test_what_stands_is_delivered_else_the_latest_by_the_carriers_clock(
    reports: list[Delivery], stands: DeliveryState
) -> None:
    assert standing(*reports).state is stands


def test_the_same_report_again_changes_nothing() -> None:
    for state in (SENT, DELIVERED, FAILED):
        assert not report(state, 1).gives_way_to(report(state, 1))
    assert not report(DELIVERED, 1).gives_way_to(report(DELIVERED, 2))
