"""Orders: what was bought, and where the order stands."""

from collections.abc import Mapping
from typing import Annotated, Any

from support_service.kit.privacy import DataClass
from support_service.sources.source import Count, Currency, Day, Minor, Row, Source
from support_service.sources.wording import counted, expected, money, plain, sentence


class OrderRow(Row):
    """One version of an order."""

    items: Annotated[Count | None, DataClass.NONE] = None
    amount_minor: Annotated[Minor | None, DataClass.NONE] = None
    currency: Annotated[Currency | None, DataClass.NONE] = None
    estimated_delivery: Annotated[Day | None, DataClass.NONE] = None


def _summary(data: Mapping[str, Any]) -> str:
    return sentence(
        f"Order {plain(data['status'])}",
        None if data["items"] is None else counted(data["items"], "item"),
        None if data["amount_minor"] is None else money(data["amount_minor"], data["currency"]),
        expected(data),
    )


ORDER = Source(
    name="order",
    entity="order_id",
    row=OrderRow,
    statuses=("created", "approved", "processing", "invoiced", "shipped", "delivered", "canceled", "unavailable"),
    topic="order.status.changed",
    service="orders",
    select="""\
SELECT 'order' AS source, order_id AS entity_id, customer_id, order_id, CAST(version AS bigint) AS version,
    'order.' || status AS kind, occurred_at,
    CAST(json_object(
        'status' VALUE status, 'items' VALUE items, 'amount_minor' VALUE amount_minor, 'currency' VALUE currency,
        'estimated_delivery' VALUE CAST(estimated_delivery AS varchar), 'time_known' VALUE time_known
    ) AS varchar) AS data
FROM {table}""",
    summary=_summary,
)
