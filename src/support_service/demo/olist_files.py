"""Olist's public CSV files as they are: reads them and joins each order with its items, payments, reviews and customer.

What the files are like and how it is met:

- Times are naive, on the clocks of Sao Paulo. An hour that happened twice (summer time ends at midnight: 23:00 to 24:00)
  is read as its first run; an hour that never was (summer time began at midnight: 00:00 to 01:00, so many dates without
  a time) is read with the offset before the change, so it falls as long after the change as it was written after
  midnight. Both are what PEP 495 gives for `fold=0`.
- A person is a `customer_unique_id`; `customer_id` is one per order.
- Files may begin with a byte order mark, fields may be quoted and hold line breaks, rows come in any order. Of rows with
  the same key only the first counts. Rows of orders that are not in the file of orders are passed over.
- Empty fields are unknown. Any other value that cannot be read stops the import, naming file and line.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
STATUSES = frozenset(
    {"created", "approved", "processing", "invoiced", "shipped", "delivered", "canceled", "unavailable"}
)

_LARGEST_FIELD = 1_000_000
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
_T = TypeVar("_T")
_Row = dict[str, str]


class OlistError(ValueError):
    """The files cannot be read as Olist's; the message names the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class OlistItem:
    """One line of an order; prices in centavos."""

    number: int
    seller_id: str
    price_minor: int
    freight_minor: int


@dataclass(frozen=True, slots=True)
class OlistPayment:
    """One of an order's payments, counted by `sequential`; the amount in centavos."""

    sequential: int
    method: str
    installments: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class OlistReview:
    """A survey sent to the customer, and their answer; times in UTC."""

    review_id: str
    score: int | None
    title: str | None
    comment: str | None
    created_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class OlistOrder:
    """One row of the file of orders with all that belongs to it; times in UTC, None where the field is empty."""

    order_id: str
    customer_id: str | None
    city: str | None
    status: str
    purchased_at: datetime | None
    approved_at: datetime | None
    carrier_at: datetime | None
    delivered_at: datetime | None
    estimated_delivery: date | None
    items: tuple[OlistItem, ...]
    payments: tuple[OlistPayment, ...]
    reviews: tuple[OlistReview, ...]


def read_orders(directory: Path, passed_over: Counter[str] | None = None) -> Iterator[OlistOrder]:
    """Every order of a directory with the publisher's files, in the order of the file.

    Args:
        directory: holds olist_{orders,customers,order_items,order_payments}_dataset.csv; reviews may be absent.
        passed_over: when given, counts the rows that were not used, by reason.

    Raises:
        OlistError: a file or column is missing, or a value cannot be read.
    """
    notes: Counter[str] = Counter() if passed_over is None else passed_over
    people = dict(_keyed(directory, "customers", ("customer_id",), _person, notes))
    items = _grouped(directory, "order_items", ("order_id", "order_item_id"), _item, notes)
    payments = _grouped(directory, "order_payments", ("order_id", "payment_sequential"), _payment, notes)
    reviews = _grouped(directory, "order_reviews", ("order_id", "review_id"), _review, notes, optional=True)

    def order(row: _Row) -> OlistOrder:
        order_id = _required(row, "order_id")
        person, city = people.get((row["customer_id"],), (None, None))
        estimated = _local(row["order_estimated_delivery_date"])
        return OlistOrder(
            order_id=order_id,
            customer_id=person,
            city=city,
            status=_status(row),
            purchased_at=utc_of(row["order_purchase_timestamp"]),
            approved_at=utc_of(row["order_approved_at"]),
            carrier_at=utc_of(row["order_delivered_carrier_date"]),
            delivered_at=utc_of(row["order_delivered_customer_date"]),
            estimated_delivery=None if estimated is None else estimated.date(),
            items=tuple(sorted(items.pop(order_id, ()), key=lambda item: item.number)),
            payments=tuple(sorted(payments.pop(order_id, ()), key=lambda payment: payment.sequential)),
            reviews=tuple(sorted(reviews.pop(order_id, ()), key=_by_creation)),
        )

    for _, found in _keyed(directory, "orders", ("order_id",), order, notes):
        yield found
    for rows in (items, payments, reviews):
        notes["rows of unknown orders"] += sum(len(group) for group in rows.values())


def utc_of(text: str) -> datetime | None:
    """A local time of Sao Paulo, as the files write it, in UTC; None for an empty field.

    Raises:
        ValueError: not a time.
    """
    local = _local(text)
    return None if local is None else local.replace(tzinfo=SAO_PAULO, fold=0).astimezone(UTC)


def minor_of(text: str) -> int:
    """An amount of reais such as `59.9` in centavos, halves rounded up.

    Raises:
        ValueError: not an amount.
    """
    amount = text.strip()
    if not _AMOUNT.fullmatch(amount):
        raise ValueError(f"{amount!r} is not an amount")
    return int((Decimal(amount) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _local(text: str) -> datetime | None:
    return datetime.fromisoformat(text.strip()).replace(tzinfo=None) if text.strip() else None


def _status(row: _Row) -> str:
    status = row["order_status"].strip()
    if status not in STATUSES:
        raise ValueError(f"order_status {status!r} is not one that is known")
    return status


def _person(row: _Row) -> tuple[str, str | None]:
    parts = [part for part in (row["customer_city"].strip(), row["customer_state"].strip()) if part]
    return _required(row, "customer_unique_id"), ", ".join(parts) or None


def _item(row: _Row) -> OlistItem:
    return OlistItem(
        number=int(row["order_item_id"]),
        seller_id=_required(row, "seller_id"),
        price_minor=minor_of(row["price"]),
        freight_minor=minor_of(row["freight_value"]),
    )


def _payment(row: _Row) -> OlistPayment:
    installments = row["payment_installments"].strip()
    return OlistPayment(
        sequential=int(row["payment_sequential"]),
        method=_required(row, "payment_type"),
        installments=int(installments) if installments else None,
        amount_minor=minor_of(row["payment_value"]),
    )


def _review(row: _Row) -> OlistReview:
    score = int(row["review_score"]) if row["review_score"].strip() else None
    if score not in {None, 1, 2, 3, 4, 5}:
        raise ValueError(f"review_score {score} is not from 1 to 5")
    return OlistReview(
        review_id=_required(row, "review_id"),
        score=score,
        title=row["review_comment_title"] or None,
        comment=row["review_comment_message"] or None,
        created_at=utc_of(row["review_creation_date"]),
        answered_at=utc_of(row["review_answer_timestamp"]),
    )


def _by_creation(review: OlistReview) -> tuple[bool, datetime, str]:
    return review.created_at is None, review.created_at or datetime.min.replace(tzinfo=UTC), review.review_id


def _required(row: _Row, column: str) -> str:
    value = row[column].strip()
    if not value:
        raise ValueError(f"{column} is empty")
    return value


def _grouped(
    directory: Path,
    name: str,
    key: tuple[str, ...],
    parse: Callable[[_Row], _T],
    notes: Counter[str],
    *,
    optional: bool = False,
) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = defaultdict(list)
    if optional and not _path(directory, name).exists():
        return groups
    for (order_id, *_), value in _keyed(directory, name, key, parse, notes):
        groups[order_id].append(value)
    return groups


def _keyed(
    directory: Path, name: str, key: tuple[str, ...], parse: Callable[[_Row], _T], notes: Counter[str]
) -> Iterator[tuple[tuple[str, ...], _T]]:
    """The rows of a file, parsed, with their keys; of several rows with one key the first."""
    seen: set[Hashable] = set()
    path = _path(directory, name)
    if not path.is_file():
        raise OlistError(f"{path.name} is not in {directory}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        csv.field_size_limit(_LARGEST_FIELD)
        reader = csv.DictReader(file, restval="", strict=True)
        try:
            for row in reader:
                values = tuple(row[column].strip() for column in key)
                if values in seen:
                    notes[f"repeated rows of {name}"] += 1
                    continue
                seen.add(values)
                yield values, parse(row)
        except KeyError as error:
            raise OlistError(f"{path.name}: column {error} is missing") from error
        except (ValueError, InvalidOperation, csv.Error) as error:
            raise OlistError(f"{path.name}, line {reader.line_num}: {error}") from error


def _path(directory: Path, name: str) -> Path:
    return directory / f"olist_{name}_dataset.csv"
