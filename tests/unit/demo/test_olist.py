"""The importer against an independent reading of the same files, and each defect of the fixture by name."""

from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from support.olist import FIXTURE, expected_facts, olist_directories
from support_service.demo.facts import ShopFact, Source
from support_service.demo.olist import facts_of, read_stock
from support_service.demo.olist_files import OlistError, OlistOrder, minor_of, read_orders, utc_of


@cache
def _orders() -> dict[str, OlistOrder]:
    return {order.order_id: order for order in read_orders(FIXTURE)}


def _order(number: int) -> OlistOrder:
    return _orders()[f"e{number:031d}"]


def _told(number: int, source: Source) -> list[tuple[str, datetime, bool]]:
    """Status, time and whether it is known, of each fact of a source, as told of one of the fixture's orders."""
    facts = (fact for fact in facts_of(_order(number)) if fact.source == source)
    return [(fact.status, fact.occurred_at, fact.time_known) for fact in facts]


def _facts(number: int, source: Source) -> list[ShopFact]:
    return [fact for fact in facts_of(_order(number)) if fact.source == source]


@pytest.mark.parametrize("directory", olist_directories(), ids=lambda path: path.name)
def test_every_fact_of_every_order_agrees_with_an_independent_reading(directory: Path) -> None:
    """The same facts, no more and no fewer, with the same times, versions, owners and data."""
    imported = {}
    for order in read_orders(directory):
        for fact in facts_of(order):
            data = {
                name: value.isoformat() if isinstance(value, date) else value for name, value in fact.details.items()
            }
            imported[f"{fact.source}:{fact.entity_id}:{fact.version}"] = {
                "order_id": fact.order_id,
                "customer_id": fact.customer_id,
                "kind": f"{fact.source}.{fact.status}",
                "occurred_at": fact.occurred_at,
                "data": {"status": fact.status, **data, "time_known": fact.time_known},
            }
    expected = expected_facts(directory)

    assert imported.keys() == expected.keys()
    assert [key for key in expected if imported[key] != expected[key]] == []


@pytest.mark.parametrize("directory", olist_directories(), ids=lambda path: path.name)
def test_versions_of_an_entity_count_from_one_without_a_gap(directory: Path) -> None:
    versions: dict[tuple[str, str], list[int]] = {}
    _, facts = read_stock(directory)
    for fact in facts:
        versions.setdefault((fact.source, fact.entity_id), []).append(fact.version)

    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


@pytest.mark.parametrize(
    ("number", "statuses"),
    [
        (3, ["created", "approved", "shipped", "delivered"]),
        (4, ["created", "approved", "shipped", "delivered"]),
        (5, ["created", "approved", "shipped", "delivered"]),
        (6, ["created", "approved", "shipped", "delivered"]),
        (31, ["created", "approved", "shipped", "delivered"]),
        (17, ["created", "canceled"]),
        (20, ["created", "approved", "shipped", "delivered", "canceled"]),
        (21, ["created", "approved", "unavailable"]),
        (22, ["created", "approved", "processing"]),
        (23, ["created", "approved", "invoiced"]),
        (25, ["created", "approved", "shipped"]),
        (27, ["created", "approved", "delivered"]),
        (28, ["created", "shipped", "delivered"]),
        (29, ["created"]),
        (30, ["created", "approved"]),
    ],
)
def test_versions_follow_the_life_of_an_order_whatever_its_clocks_say(number: int, statuses: list[str]) -> None:
    assert [status for status, _, _ in _told(number, "order")] == statuses


@pytest.mark.parametrize(
    ("number", "last"),
    [
        (17, ("canceled", datetime(2018, 4, 2, 13, 15, tzinfo=UTC), False)),
        (18, ("canceled", datetime(2018, 4, 2, 13, 30, 12, tzinfo=UTC), False)),
        (19, ("canceled", datetime(2018, 4, 4, 17, tzinfo=UTC), False)),
        (20, ("canceled", datetime(2018, 4, 9, 21, 20, 45, tzinfo=UTC), False)),
        (61, ("canceled", datetime(2018, 4, 5, 5, 50, tzinfo=UTC), False)),
        (26, ("delivered", datetime(2018, 4, 4, 17, tzinfo=UTC), False)),
    ],
)
def test_a_status_without_a_time_takes_the_last_known_one_and_says_so(
    number: int, last: tuple[str, datetime, bool]
) -> None:
    assert _told(number, "order")[-1] == last


def test_times_of_the_hour_that_happened_twice_are_of_its_first_run() -> None:
    """Summer time ended on 18 February 2018 at midnight; 23:45 of the day before was first two hours behind UTC."""
    assert [time for _, time, _ in _told(32, "order")][:2] == [
        datetime(2018, 2, 18, 1, 45, 31, tzinfo=UTC),
        datetime(2018, 2, 18, 1, 55, 37, tzinfo=UTC),
    ]
    assert [time for _, time, _ in _told(33, "order")][:3] == [
        datetime(2017, 2, 19, 0, 59, 59, tzinfo=UTC),
        datetime(2017, 2, 19, 1, tzinfo=UTC),
        datetime(2017, 2, 19, 3, tzinfo=UTC),
    ]


def test_times_of_the_hour_that_never_was_fall_as_long_after_the_change() -> None:
    """Summer time began on 15 October 2017 at midnight, which was 01:00 at once: 00:30 is read as 01:30."""
    assert [time for _, time, _ in _told(34, "order")][:3] == [
        datetime(2017, 10, 15, 2, 59, 59, tzinfo=UTC),
        datetime(2017, 10, 15, 3, 30, tzinfo=UTC),
        datetime(2017, 10, 15, 3, tzinfo=UTC),
    ]
    assert _told(34, "feedback")[0] == ("requested", datetime(2017, 10, 15, 3, tzinfo=UTC), True)
    assert _order(35).estimated_delivery == date(2016, 10, 16)


def test_a_purchase_without_a_time_takes_the_earliest_and_an_order_without_any_tells_nothing() -> None:
    assert _told(53, "order")[0] == ("created", datetime(2018, 4, 2, 13, 30, 12, tzinfo=UTC), False)
    assert facts_of(_order(54)) == []


def test_payments_are_entities_by_their_number_whatever_the_order_of_rows() -> None:
    assert [fact.entity_id[-2:] for fact in _facts(9, "payment") if fact.version == 1] == ["-1", "-2", "-3", "-4", "-5"]
    assert [fact.entity_id[-2:] for fact in _facts(10, "payment") if fact.version == 1] == ["-1", "-3"]
    assert [fact.details["method"] for fact in _facts(46, "payment")] == ["voucher", "not_defined"]
    assert [fact.details["installments"] for fact in _facts(46, "payment")] == [0, 1]
    assert _facts(45, "payment") == []


def test_a_payment_of_an_order_never_approved_is_authorized_at_the_purchase_and_not_captured() -> None:
    assert _told(29, "payment") == [("authorized", datetime(2018, 4, 2, 13, 15, tzinfo=UTC), False)]
    assert [status for status, _, _ in _told(28, "payment")] == ["authorized", "captured"]


def test_amounts_are_exact_centavos() -> None:
    assert [fact.details["amount_minor"] for fact in _facts(47, "payment") if fact.version == 1] == [
        29,
        115,
        100_120,
        1_001,
    ]
    assert _facts(47, "order")[0].details["amount_minor"] == 29 + 10 + 115 + 110 + 100_000
    assert _facts(48, "payment")[0].details["amount_minor"] == 1_366_408


def test_each_seller_has_a_shipment_numbered_by_their_first_item() -> None:
    created = [fact for fact in _facts(12, "shipment") if fact.version == 1]

    assert [(fact.entity_id[-3:], fact.details["seller"], fact.details["items"]) for fact in created] == [
        ("-s1", f"5{3:031d}", 2),
        ("-s2", f"5{7:031d}", 1),
        ("-s3", f"5{5:031d}", 1),
    ]


def test_an_order_without_items_has_no_shipment_and_unknown_goods() -> None:
    assert _facts(16, "shipment") == []
    assert _facts(16, "order")[0].details["items"] is None
    assert _facts(16, "order")[0].details["amount_minor"] is None


def test_a_shipment_exists_once_the_order_is_approved() -> None:
    assert _told(46, "shipment") == []
    assert [status for status, _, _ in _told(22, "shipment")] == ["created"]
    assert [status for status, _, _ in _told(25, "shipment")] == ["created", "handed_over"]
    assert [status for status, _, _ in _told(27, "shipment")] == ["created", "delivered"]


def test_a_review_shared_by_two_orders_is_feedback_on_each() -> None:
    assert {_facts(number, "feedback")[0].entity_id for number in (14, 15)} == {
        f"e{number:031d}-4{6:031d}" for number in (14, 15)
    }
    assert len(_facts(13, "feedback")) == 4


def test_reviews_keep_their_words_and_say_which_times_are_known() -> None:
    lines = _facts(40, "feedback")[1].details["comment"]
    assert isinstance(lines, str)
    assert lines.startswith(
        'Veio "outro" produto, com defeito:\r\n- a tampa quebrada\r\n\r\n- sem manual; pedi troca,\n'
    )
    assert _facts(41, "feedback")[1].details == {"score": 4, "title": "Só o título", "comment": None}
    assert _facts(42, "feedback")[1].details["title"] == "=1+1"
    assert [status for status, _, _ in _told(44, "feedback")] == ["requested"]
    assert _told(43, "feedback")[1] == ("answered", datetime(2018, 4, 10, 3, tzinfo=UTC), False)
    assert [known for _, _, known in _told(55, "feedback")] == [False, True]
    assert _facts(39, "feedback")[1].details["title"] == "Primeira"


def test_a_person_is_one_customer_over_all_their_orders_and_lives_where_the_latest_went() -> None:
    customers, _ = read_stock(FIXTURE)
    person = f"b{49:031d}"

    assert {_order(number).customer_id for number in (49, 50, 51)} == {person}
    assert [customer.city for customer in customers if customer.customer_id == person] == ["rio de janeiro, RJ"]
    assert _order(52).customer_id is None
    assert _order(57).city == "sant'ana do livramento, rs, RS"


def test_what_is_not_used_is_counted() -> None:
    passed_over: Counter[str] = Counter()
    read_stock(FIXTURE, passed_over)

    assert passed_over == {
        "repeated rows of orders": 1,
        "repeated rows of order_items": 1,
        "repeated rows of order_payments": 1,
        "repeated rows of order_reviews": 2,
        "rows of unknown orders": 3,
        "orders without any time": 1,
    }


def test_what_cannot_be_read_stops_the_import_and_is_named(tmp_path: Path) -> None:
    for path in FIXTURE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    payments = tmp_path / "olist_order_payments_dataset.csv"
    payments.write_bytes(payments.read_bytes().replace(b",13664.08", b",much"))

    with pytest.raises(OlistError, match=r"olist_order_payments_dataset.csv, line \d+: 'much' is not an amount"):
        list(read_orders(tmp_path))
    payments.unlink()
    with pytest.raises(OlistError, match=r"payments_dataset\.csv is not in"):
        list(read_orders(tmp_path))


def test_empty_is_unknown_and_half_a_centavo_counts() -> None:
    assert utc_of(" ") is None
    assert minor_of("0.005") == 1
    assert minor_of("0.29") == 29
