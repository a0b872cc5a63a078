"""What the simulated shop says happened: one fact is one version of one order, payment, shipment, alert or review.

A fact is one row of one of the shop's history tables (`tables.py`), one item of its REST answers (`rest.py`) and, when
its kind has an event type, one event (`events.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

Source = Literal["order", "payment", "shipment", "fraud", "feedback"]
Value = str | int | date | None


@dataclass(frozen=True, slots=True)
class Shape:
    """How one source's facts are laid out: its REST service, its table, the name of its id, its own columns."""

    service: str
    table: str
    id_column: str
    details: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the table, in its order."""
        order_id = () if self.id_column == "order_id" else ("order_id",)
        return (
            self.id_column,
            "version",
            *order_id,
            "customer_id",
            "status",
            "occurred_at",
            "time_known",
            *self.details,
        )


SHAPES: Mapping[Source, Shape] = MappingProxyType(
    {
        "order": Shape(
            "orders", "order_history", "order_id", ("items", "amount_minor", "currency", "estimated_delivery")
        ),
        "payment": Shape(
            "payments", "payment_history", "payment_id", ("method", "installments", "amount_minor", "currency")
        ),
        "shipment": Shape(
            "shipments",
            "shipment_history",
            "shipment_id",
            ("carrier", "tracking_number", "seller", "items", "estimated_delivery"),
        ),
        "fraud": Shape("fraud", "fraud_history", "alert_id", ("rule", "score")),
        "feedback": Shape("feedback", "feedback_history", "feedback_id", ("score", "title", "comment")),
    }
)


@dataclass(frozen=True, slots=True)
class ShopFact:
    """One version of one entity.

    `version` counts 1, 2, 3 per entity. `occurred_at` is aware, in UTC; `time_known` is false when it was taken from
    another fact. `details` holds the source's own columns (`Shape.details`), all of them: amounts in minor units of
    `currency`, `estimated_delivery` a date, scores as the source counts them.
    """

    source: Source
    entity_id: str
    order_id: str
    customer_id: str | None
    version: int
    status: str
    occurred_at: datetime
    time_known: bool
    details: Mapping[str, Value]

    def row(self) -> tuple[object, ...]:
        """The values of `Shape.columns`, in their order."""
        shape = SHAPES[self.source]
        order_id = () if self.source == "order" else (self.order_id,)
        details = (self.details[name] for name in shape.details)
        return (
            self.entity_id,
            self.version,
            *order_id,
            self.customer_id,
            self.status,
            self.occurred_at,
            self.time_known,
            *details,
        )


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the shop knows them; what it does not know is None."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    language: str
    city: str | None

    def row(self) -> tuple[object, ...]:
        """The values of `shop.customers`, in its order of columns."""
        return (self.customer_id, self.name, self.email, self.phone, self.language, self.city)
