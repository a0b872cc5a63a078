"""Fraud alerts: what the shop's fraud service suspects of an order, and what became of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from support_service.kit.privacy import DataClass
from support_service.sources.source import Code, Identifier, Row, Source
from support_service.sources.wording import plain, sentence


class FraudRow(Row):
    """One version of an alert; the score goes from 0 (harmless) to 100."""

    alert_id: Annotated[Identifier, DataClass.NONE]
    rule: Annotated[Code | None, DataClass.NONE] = None
    score: Annotated[Annotated[int, Field(ge=0, le=100)] | None, DataClass.NONE] = None


def _summary(data: Mapping[str, Any]) -> str:
    return sentence(
        f"Fraud alert {plain(data['status'])}",
        None if data["rule"] is None else plain(data["rule"]),
        None if data["score"] is None else f"score {data['score']} of 100",
    )


FRAUD = Source(
    name="fraud",
    entity="alert_id",
    row=FraudRow,
    statuses=("raised", "cleared", "confirmed"),
    topic="fraud.alert",
    service="fraud",
    select="""\
SELECT 'fraud' AS source, alert_id AS entity_id, customer_id, order_id, CAST(version AS bigint) AS version,
    'fraud.' || status AS kind, occurred_at,
    CAST(json_object(
        'status' VALUE status, 'rule' VALUE rule, 'score' VALUE score, 'time_known' VALUE time_known
    ) AS varchar) AS data
FROM {table}""",
    summary=_summary,
)
