"""From Olist's orders to the shop's facts: gives each order, payment, shipment and review its versions 1, 2, 3 ...

| entity | entity id | versions, in this order | at |
|---|---|---|---|
| order | order_id | created | order_purchase_timestamp |
| | | approved | order_approved_at, when there is one |
| | | shipped | order_delivered_carrier_date, when there is one |
| | | delivered | order_delivered_customer_date, when there is one |
| | | order_status, when it is not the last of these | not in the files: the latest of the times above (*) |
| payment | order_id-payment_sequential | authorized | order_approved_at, else purchase (*) |
| | | captured, when the order is shipped or delivered | not in the files: as authorized (*) |
| shipment | order_id-s1, -s2 ...: one a seller, by their first item | created, when approved or with the carrier | not in the files: order_approved_at, else purchase (*) |
| | | handed_over, when with the carrier or shipped | order_delivered_carrier_date, else the latest known (*) |
| | | delivered, when delivered | order_delivered_customer_date, else the latest known (*) |
| feedback | order_id-review_id (one review_id may serve several orders) | requested | review_creation_date, else the latest known (*) |
| | | answered, when answered, scored or written | review_answer_timestamp, else as requested (*) |

(*) says `time_known: false`. A purchase without a time takes the earliest time known of the order. Versions follow the
order above, not the times: some orders reach the carrier before they were approved. `items` and `amount_minor` of an
order (prices and freight, without interest) are those of its items, unknown when the files list none. Money is BRL in
centavos. There is nothing about fraud in the files.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from support_service.demo.facts import Customer, ShopFact, Source, Value
from support_service.demo.olist_files import OlistItem, OlistOrder, OlistPayment, OlistReview, read_orders

CURRENCY = "BRL"
LANGUAGE = "pt"

_Moment = tuple[str, datetime, bool]
"""A status, when it was reached, and whether that time is known."""


def read_stock(directory: Path, passed_over: Counter[str] | None = None) -> tuple[list[Customer], list[ShopFact]]:
    """Everybody and everything in a directory with Olist's files, ready for `tables.stock_shop`.

    A person of several orders lives where the latest one was sent. Orders without any time are passed over: nothing
    could be said of them on a timeline.

    Raises:
        OlistError: as `olist_files.read_orders` does.
    """
    notes: Counter[str] = Counter() if passed_over is None else passed_over
    facts: list[ShopFact] = []
    homes: dict[str, tuple[datetime, str | None]] = {}
    for order in read_orders(directory, notes):
        told = facts_of(order)
        if not told:
            notes["orders without any time"] += 1
            continue
        facts += told
        if order.customer_id is not None:
            since = told[0].occurred_at
            known = homes.get(order.customer_id)
            if known is None or known[0] < since:
                homes[order.customer_id] = (since, order.city)
    customers = [Customer(person, None, None, None, LANGUAGE, city) for person, (_, city) in homes.items()]
    return customers, facts


def facts_of(order: OlistOrder) -> list[ShopFact]:
    """Every fact of one order, as the table above says; none when the order has no time at all."""
    times = [time for time in (order.purchased_at, order.approved_at, order.carrier_at, order.delivered_at) if time]
    if not times:
        return []
    start = order.purchased_at or min(times)
    latest = max(times)
    return [
        *_order_facts(order, start, latest),
        *(fact for payment in order.payments for fact in _payment_facts(order, payment, start)),
        *_shipment_facts(order, start, latest),
        *(fact for review in order.reviews for fact in _review_facts(order, review, latest)),
    ]


def _order_facts(order: OlistOrder, start: datetime, latest: datetime) -> Iterator[ShopFact]:
    moments: list[_Moment] = [("created", start, order.purchased_at is not None)]
    for status, time in (
        ("approved", order.approved_at),
        ("shipped", order.carrier_at),
        ("delivered", order.delivered_at),
    ):
        if time is not None:
            moments.append((status, time, True))
    if moments[-1][0] != order.status:
        moments.append((order.status, latest, False))
    details: dict[str, Value] = {
        "items": len(order.items) or None,
        "amount_minor": sum(item.price_minor + item.freight_minor for item in order.items) if order.items else None,
        "currency": CURRENCY,
        "estimated_delivery": order.estimated_delivery,
    }
    return _versions(order, "order", order.order_id, [(moment, details) for moment in moments])


def _payment_facts(order: OlistOrder, payment: OlistPayment, start: datetime) -> Iterator[ShopFact]:
    authorized_at = order.approved_at or start
    moments: list[_Moment] = [("authorized", authorized_at, order.approved_at is not None)]
    if order.status in {"shipped", "delivered"}:
        moments.append(("captured", authorized_at, False))
    details: dict[str, Value] = {
        "method": payment.method,
        "installments": payment.installments,
        "amount_minor": payment.amount_minor,
        "currency": CURRENCY,
    }
    entity_id = f"{order.order_id}-{payment.sequential}"
    return _versions(order, "payment", entity_id, [(moment, details) for moment in moments])


def _shipment_facts(order: OlistOrder, start: datetime, latest: datetime) -> Iterator[ShopFact]:
    handed_over = order.carrier_at is not None or order.status == "shipped"
    delivered = order.delivered_at is not None or order.status == "delivered"
    moments: list[_Moment] = []
    if order.approved_at is not None or handed_over or delivered:
        moments.append(("created", order.approved_at or start, False))
    if handed_over:
        moments.append(("handed_over", order.carrier_at or latest, order.carrier_at is not None))
    if delivered:
        moments.append(("delivered", order.delivered_at or latest, order.delivered_at is not None))
    for number, (seller, items) in enumerate(_by_seller(order.items), start=1):
        details: dict[str, Value] = {
            "carrier": None,
            "tracking_number": None,
            "seller": seller,
            "items": items,
            "estimated_delivery": order.estimated_delivery,
        }
        entity_id = f"{order.order_id}-s{number}"
        yield from _versions(order, "shipment", entity_id, [(moment, details) for moment in moments])


def _by_seller(items: tuple[OlistItem, ...]) -> list[tuple[str, int]]:
    """Sellers in the order of their first item, each with how many items are theirs."""
    counts: Counter[str] = Counter(item.seller_id for item in items)
    return list(counts.items())


def _review_facts(order: OlistOrder, review: OlistReview, latest: datetime) -> Iterator[ShopFact]:
    requested_at = review.created_at or latest
    unanswered: dict[str, Value] = {"score": None, "title": None, "comment": None}
    versions: list[tuple[_Moment, dict[str, Value]]] = [
        (("requested", requested_at, review.created_at is not None), unanswered)
    ]
    answer: dict[str, Value] = {"score": review.score, "title": review.title, "comment": review.comment}
    if review.answered_at is not None or answer != unanswered:
        answered_at = review.answered_at or requested_at
        versions.append((("answered", answered_at, review.answered_at is not None), answer))
    return _versions(order, "feedback", f"{order.order_id}-{review.review_id}", versions)


def _versions(
    order: OlistOrder, source: Source, entity_id: str, versions: list[tuple[_Moment, dict[str, Value]]]
) -> Iterator[ShopFact]:
    for version, ((status, occurred_at, time_known), details) in enumerate(versions, start=1):
        yield ShopFact(
            source=source,
            entity_id=entity_id,
            order_id=order.order_id,
            customer_id=order.customer_id,
            version=version,
            status=status,
            occurred_at=occurred_at,
            time_known=time_known,
            details=details,
        )
