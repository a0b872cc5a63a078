"""`support_case_context` and `support_timeline_events`."""

from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
_PERSONAL = DataClass.PERSONAL

support_case_context = Table(
    "support_case_context",
    metadata,
    column("ticket_id", Uuid, _NONE, ForeignKey("support_tickets.ticket_id"), primary_key=True),
    column("source", Text, _NONE, primary_key=True),
    column("customer_id", Text, _PERSONAL, nullable=False),
    column("order_id", Text, _NONE),
    column("live", Boolean, _NONE, nullable=False, server_default=text("true")),
    column("facts", JSONB, _PERSONAL, nullable=False, server_default=text("'{}'")),
    column("served_from", Text, _NONE, nullable=False),
    column("as_of", _TIME, _NONE),
    Index("support_case_context_order", "order_id", "source", postgresql_where=text("live AND order_id IS NOT NULL")),
    Index("support_case_context_customer", "customer_id", "source"),
)

support_timeline_events = Table(
    "support_timeline_events",
    metadata,
    column("order_id", Text, _NONE, primary_key=True),
    column("source", Text, _NONE, primary_key=True),
    column("entity_id", Text, _NONE, primary_key=True),
    column("version", BigInteger, _NONE, primary_key=True),
    column("event_id", Text, _NONE, nullable=False),
    column("customer_id", Text, _PERSONAL),
    column("occurred_at", _TIME, _NONE, nullable=False),
    column("data", JSONB, _PERSONAL, nullable=False),
    column("received_at", _TIME, _NONE, nullable=False, server_default=text("now()")),
    # The version before this one reads and writes these two; nothing does any more.
    column("entry_id", Text, _NONE),
    column("kind", Text, _NONE, nullable=False, server_default=""),
)
