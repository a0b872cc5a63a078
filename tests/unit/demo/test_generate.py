"""The simulated shop is reproducible, believable and holds every state there is."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from support_service.demo.facts import SHAPES, ShopFact
from support_service.demo.generate import CUSTOMERS, DAYS, ORDERS, generate
from support_service.demo.lifecycle import OrderState, state_of

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
SEEDS = (7, 8, 2026)
STATUSES = {
    "order": {"created", "approved", "processing", "invoiced", "shipped", "delivered", "canceled", "unavailable"},
    "payment": {"authorized", "captured", "failed", "refunded", "voided"},
    "shipment": {
        "created",
        "handed_over",
        "in_transit",
        "out_for_delivery",
        "delivered",
        "failed",
        "returned",
    },
    "fraud": {"raised", "cleared", "confirmed"},
    "feedback": {"requested", "answered"},
}


def _states(facts: list[ShopFact]) -> list[OrderState]:
    by_order: dict[str, list[ShopFact]] = defaultdict(list)
    for fact in facts:
        by_order[fact.order_id].append(fact)
    return [state_of(told) for told in by_order.values()]


def test_the_same_seed_and_time_give_the_same_shop() -> None:
    assert generate(7, NOW) == generate(7, NOW)


def test_another_seed_gives_another_shop() -> None:
    assert generate(7, NOW) != generate(8, NOW)


def test_the_default_shop_shows_every_status_of_every_source() -> None:
    _, facts = generate(7, NOW)

    for source, statuses in STATUSES.items():
        assert {fact.status for fact in facts if fact.source == source} == statuses


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_makes_up_a_status(seed: int) -> None:
    _, facts = generate(seed, NOW)

    assert all(fact.status in STATUSES[fact.source] for fact in facts)


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_stand_in_every_state_and_some_alerts_are_open(seed: int) -> None:
    states = _states(generate(seed, NOW)[1])

    assert len(states) == ORDERS
    assert {state.order.status for state in states} == STATUSES["order"]
    assert any(alert.status == "raised" for state in states for alert in state.alerts)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_happens_after_now_nor_before_the_weeks_it_covers(seed: int) -> None:
    _, facts = generate(seed, NOW)

    assert all(NOW - timedelta(days=DAYS, hours=2) <= fact.occurred_at <= NOW for fact in facts)


@pytest.mark.parametrize("seed", SEEDS)
def test_versions_count_from_one_and_time_does_not_go_back(seed: int) -> None:
    entities: dict[tuple[str, str], list[ShopFact]] = defaultdict(list)
    for fact in generate(seed, NOW)[1]:
        entities[fact.source, fact.entity_id].append(fact)

    for told in entities.values():
        assert [fact.version for fact in told] == list(range(1, len(told) + 1))
        assert [fact.occurred_at for fact in told] == sorted(fact.occurred_at for fact in told)


def test_every_fact_fills_exactly_the_columns_of_its_source() -> None:
    for fact in generate(7, NOW)[1]:
        assert set(fact.details) == set(SHAPES[fact.source].details)
        assert len(fact.row()) == len(SHAPES[fact.source].columns)


def test_payments_add_up_to_the_order_and_shipments_to_its_items() -> None:
    for state in _states(generate(7, NOW)[1]):
        paid = [payment.details["amount_minor"] for payment in state.payments]
        sent = [shipment.details["items"] for shipment in state.shipments]
        assert not paid or sum(map(_number, paid)) == state.order.details["amount_minor"]
        assert not sent or sum(map(_number, sent)) == state.order.details["items"]


def test_customers_are_vietnamese_and_english_and_none_is_reachable() -> None:
    """Mail addresses are of a domain kept for examples, phone numbers of ranges for fiction or not in use."""
    customers, facts = generate(7, NOW)

    assert len({customer.customer_id for customer in customers}) == CUSTOMERS
    assert {customer.language for customer in customers} == {"vi", "en"}
    assert all((customer.email or "").endswith("@example.com") for customer in customers)
    assert all((customer.email or "").isascii() for customer in customers)
    for customer in customers:
        phone = customer.phone or ""
        assert phone.startswith(("+8495", "+447700900")) or phone[5:9] == "5550"
    assert {fact.details["currency"] for fact in facts if fact.source == "order"} == {"VND", "USD", "GBP"}


def test_a_tracking_number_is_given_by_the_carrier_that_takes_the_parcel() -> None:
    for fact in generate(7, NOW)[1]:
        if fact.source == "shipment":
            assert (fact.details["tracking_number"] is None) == (fact.status == "created")
            assert isinstance(fact.details["estimated_delivery"], date)


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
