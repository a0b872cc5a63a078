"""Shipments: each parcel of an order on its way; an order of several sellers has several."""

from collections.abc import Mapping
from typing import Annotated, Any

from support_service.kit.privacy import DataClass
from support_service.sources.source import Count, Day, Identifier, Row, Source, Text
from support_service.sources.wording import counted, expected, plain, sentence


class ShipmentRow(Row):
    """One version of a shipment."""

    shipment_id: Annotated[Identifier, DataClass.NONE]
    carrier: Annotated[Text | None, DataClass.NONE] = None
    tracking_number: Annotated[Text | None, DataClass.PERSONAL] = None
    seller: Annotated[Text | None, DataClass.NONE] = None
    items: Annotated[Count | None, DataClass.NONE] = None
    estimated_delivery: Annotated[Day | None, DataClass.NONE] = None


def _summary(data: Mapping[str, Any]) -> str:
    return sentence(
        f"Shipment {plain(data['status'])}",
        None if data["items"] is None else counted(data["items"], "item"),
        None if data["carrier"] is None else f"with {data['carrier']}",
        None if data["tracking_number"] is None else f"tracking number {data['tracking_number']}",
        expected(data),
    )


SHIPMENT = Source(
    name="shipment",
    entity="shipment_id",
    row=ShipmentRow,
    statuses=("created", "handed_over", "in_transit", "out_for_delivery", "delivered", "failed", "returned"),
    topic="shipment.status.changed",
    service="shipments",
    select="""\
SELECT 'shipment' AS source, shipment_id AS entity_id, customer_id, order_id, CAST(version AS bigint) AS version,
    'shipment.' || status AS kind, occurred_at,
    CAST(json_object(
        'status' VALUE status, 'carrier' VALUE carrier, 'tracking_number' VALUE tracking_number, 'seller' VALUE seller,
        'items' VALUE items, 'estimated_delivery' VALUE CAST(estimated_delivery AS varchar),
        'time_known' VALUE time_known
    ) AS varchar) AS data
FROM {table}""",
    summary=_summary,
)
