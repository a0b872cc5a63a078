"""An independent reading of Olist's files, to hold the importer and the timeline against.

Written from the publisher's description and the mapping in `support_service.demo.olist`, row by row with the csv module,
and sharing no code with the importer: local times are turned by a written-out table of Brazil's summer times, amounts
by moving the decimal point in the text.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_CHECKOUT = Path(__file__).resolve().parents[2]
FIXTURE = _CHECKOUT / "tests" / "data" / "olist_fixture"
REAL = _CHECKOUT.parent / "shared" / "data" / "olist"
"""The publisher's own files, when someone has put them beside the checkout."""


def olist_directories() -> list[Path]:
    """The fixture always, the real files when they are there."""
    return [FIXTURE, *([REAL] if REAL.is_dir() else [])]


# Clocks of Sao Paulo went from 00:00 to 01:00 at the first, and at the second from 00:00 back to 23:00 of the day before.
_SUMMERS = (
    (datetime(2015, 10, 18), datetime(2016, 2, 21)),  # noqa: DTZ001 - local times are the subject
    (datetime(2016, 10, 16), datetime(2017, 2, 19)),  # noqa: DTZ001
    (datetime(2017, 10, 15), datetime(2018, 2, 18)),  # noqa: DTZ001
    (datetime(2018, 11, 4), datetime(2019, 2, 17)),  # noqa: DTZ001
)


def utc(local: str) -> datetime | None:
    """A local time in UTC: two hours behind in summer, three else; an hour that never was counts as winter."""
    if local == "":
        return None
    naive = datetime.strptime(local, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - local times are the subject
    summer = any(start + timedelta(hours=1) <= naive < end for start, end in _SUMMERS)
    return (naive + timedelta(hours=2 if summer else 3)).replace(tzinfo=UTC)


def centavos(text: str) -> int:
    """`59.9` is 5990; of a third decimal, half a centavo counts as one."""
    whole, _, fraction = text.partition(".")
    digits = (fraction + "000")[:3]
    return int(whole) * 100 + int(digits[:2]) + (1 if digits[2] >= "5" else 0)


def rows(directory: Path, name: str, *key: str) -> list[dict[str, str]]:
    """A file's rows; of those with the same key the first."""
    text = (directory / f"olist_{name}_dataset.csv").read_bytes().decode("utf-8-sig")
    first: dict[tuple[str, ...], dict[str, str]] = {}
    lines = csv.reader(text.splitlines(keepends=True))
    header = next(lines)
    for values in lines:
        row = dict(zip(header, values, strict=True))
        first.setdefault(tuple(row[column] for column in key), row)
    return list(first.values())


def expected_facts(directory: Path) -> dict[str, dict[str, Any]]:
    """Every fact that a directory's files tell, by entry id.

    Each is {order_id, customer_id, kind, occurred_at, data}, `data` as the plan of the timeline has it: dates as text.
    """
    reading = _Reading(directory)
    facts: dict[str, dict[str, Any]] = {}
    for order in rows(directory, "orders", "order_id"):
        for source, entity_id, version, status, at, data in reading.told_of(order):
            occurred_at, known = at
            facts[f"{source}:{entity_id}:{version}"] = {
                "order_id": order["order_id"],
                "customer_id": reading.people.get(order["customer_id"]),
                "kind": f"{source}.{status}",
                "occurred_at": occurred_at,
                "data": {"status": status, **data, "time_known": known},
            }
    return facts


_When = tuple[datetime, bool]
_Told = tuple[str, str, int, str, _When, dict[str, Any]]


class _Reading:
    def __init__(self, directory: Path) -> None:
        people = rows(directory, "customers", "customer_id")
        self.people = {row["customer_id"]: row["customer_unique_id"] for row in people}
        self._items = _by_order(rows(directory, "order_items", "order_id", "order_item_id"))
        self._payments = _by_order(rows(directory, "order_payments", "order_id", "payment_sequential"))
        self._reviews = _by_order(rows(directory, "order_reviews", "order_id", "review_id"))

    def told_of(self, order: Mapping[str, str]) -> Iterator[_Told]:
        bought, approved = utc(order["order_purchase_timestamp"]), utc(order["order_approved_at"])
        carrier, met = utc(order["order_delivered_carrier_date"]), utc(order["order_delivered_customer_date"])
        known = [time for time in (bought, approved, carrier, met) if time is not None]
        if not known:
            return
        first = (bought, True) if bought else (min(known), False)
        last = (max(known), False)
        dated = {"approved": approved, "shipped": carrier, "delivered": met}
        stages: list[tuple[str, _When]] = [("created", first)]
        stages += [(status, (time, True)) for status, time in dated.items() if time is not None]
        if stages[-1][0] != order["order_status"]:
            stages.append((order["order_status"], last))
        yield from self._order(order, stages)
        paid = (approved, True) if approved else (first[0], False)
        yield from self._paid(order, paid)
        yield from self._sent(order, (paid[0], False), last, carrier, met)
        yield from self._asked(order, last)

    def _order(self, order: Mapping[str, str], stages: list[tuple[str, _When]]) -> Iterator[_Told]:
        items = self._items.get(order["order_id"], [])
        total = sum(centavos(item["price"]) + centavos(item["freight_value"]) for item in items)
        data = {
            "items": len(items) if items else None,
            "amount_minor": total if items else None,
            "currency": "BRL",
            "estimated_delivery": order["order_estimated_delivery_date"][:10] or None,
        }
        for version, (status, at) in enumerate(stages, 1):
            yield "order", order["order_id"], version, status, at, data

    def _paid(self, order: Mapping[str, str], at: _When) -> Iterator[_Told]:
        for payment in self._payments.get(order["order_id"], []):
            entity = f"{order['order_id']}-{payment['payment_sequential']}"
            data = {
                "method": payment["payment_type"],
                "installments": int(payment["payment_installments"]),
                "amount_minor": centavos(payment["payment_value"]),
                "currency": "BRL",
            }
            yield "payment", entity, 1, "authorized", at, data
            if order["order_status"] in ("shipped", "delivered"):
                yield "payment", entity, 2, "captured", (at[0], False), data

    def _sent(
        self, order: Mapping[str, str], made: _When, last: _When, carrier: datetime | None, met: datetime | None
    ) -> Iterator[_Told]:
        status = order["order_status"]
        stages: list[tuple[str, _When]] = []
        if order["order_approved_at"] or carrier or met or status in ("shipped", "delivered"):
            stages.append(("created", made))
        if carrier or status == "shipped":
            stages.append(("handed_over", (carrier, True) if carrier else last))
        if met or status == "delivered":
            stages.append(("delivered", (met, True) if met else last))
        items = sorted(self._items.get(order["order_id"], []), key=lambda item: int(item["order_item_id"]))
        sellers = list(dict.fromkeys(item["seller_id"] for item in items))
        for number, seller in enumerate(sellers, 1):
            data = {
                "carrier": None,
                "tracking_number": None,
                "seller": seller,
                "items": sum(item["seller_id"] == seller for item in items),
                "estimated_delivery": order["order_estimated_delivery_date"][:10] or None,
            }
            for version, (stage, at) in enumerate(stages, 1):
                yield "shipment", f"{order['order_id']}-s{number}", version, stage, at, data

    def _asked(self, order: Mapping[str, str], last: _When) -> Iterator[_Told]:
        for review in self._reviews.get(order["order_id"], []):
            entity = f"{order['order_id']}-{review['review_id']}"
            created, answered = utc(review["review_creation_date"]), utc(review["review_answer_timestamp"])
            requested = (created, True) if created else last
            yield "feedback", entity, 1, "requested", requested, {"score": None, "title": None, "comment": None}
            data = {
                "score": int(review["review_score"]) if review["review_score"] else None,
                "title": review["review_comment_title"] or None,
                "comment": review["review_comment_message"] or None,
            }
            if answered or any(data.values()):
                yield "feedback", entity, 2, "answered", (answered, True) if answered else (requested[0], False), data


def _by_order(found: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in found:
        groups.setdefault(row["order_id"], []).append(row)
    return groups
