"""Payments: each payment of an order by itself; an order may have several."""

from collections.abc import Mapping
from typing import Annotated, Any

from support_service.kit.privacy import DataClass
from support_service.sources.source import Code, Count, Currency, Identifier, Minor, Row, Source
from support_service.sources.wording import counted, money, plain, sentence


class PaymentRow(Row):
    """One version of a payment."""

    payment_id: Annotated[Identifier, DataClass.NONE]
    method: Annotated[Code | None, DataClass.NONE] = None
    installments: Annotated[Count | None, DataClass.NONE] = None
    amount_minor: Annotated[Minor, DataClass.NONE]
    currency: Annotated[Currency | None, DataClass.NONE] = None


def _summary(data: Mapping[str, Any]) -> str:
    installments = data["installments"]
    return sentence(
        f"Payment {plain(data['status'])}",
        None if data["amount_minor"] is None else money(data["amount_minor"], data["currency"]),
        None if data["method"] is None else f"by {plain(data['method'])}",
        f"in {counted(installments, 'installment')}" if installments is not None and installments > 1 else None,
    )


PAYMENT = Source(
    name="payment",
    entity="payment_id",
    row=PaymentRow,
    statuses=("authorized", "captured", "failed", "refunded", "voided"),
    topic="payment.authorized",
    service="payments",
    select="""\
SELECT 'payment' AS source, payment_id AS entity_id, customer_id, order_id, CAST(version AS bigint) AS version,
    'payment.' || status AS kind, occurred_at,
    CAST(json_object(
        'status' VALUE status, 'method' VALUE method, 'installments' VALUE installments,
        'amount_minor' VALUE amount_minor, 'currency' VALUE currency, 'time_known' VALUE time_known
    ) AS varchar) AS data
FROM {table}""",
    summary=_summary,
)
