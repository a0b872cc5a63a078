"""`support_tickets`, `support_conversations` and `support_reply_deliveries`."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
_PERSONAL = DataClass.PERSONAL

ticket_references = Sequence("support_ticket_references", metadata=metadata, data_type=BigInteger)

support_tickets = Table(
    "support_tickets",
    metadata,
    column("ticket_id", Uuid, _NONE, primary_key=True),
    column("reference", Text, _NONE, nullable=False, unique=True),
    column("customer_id", Text, _PERSONAL, ForeignKey("support_customers.customer_id"), nullable=False),
    column("order_id", Text, _NONE),
    column("channel", String(16), _NONE, nullable=False),
    column("subject", Text, _PERSONAL, nullable=False),
    column("category", Text, _NONE),
    column("priority", String(16), _NONE, nullable=False),
    column("status", String(16), _NONE, nullable=False),
    column("assignee", Uuid, _NONE, ForeignKey("support_agents.agent_id")),
    column("team", Text, _NONE, ForeignKey("support_teams.team")),
    column("tags", ARRAY(Text), _PERSONAL, nullable=False, server_default=text("'{}'")),
    column("language", String(35), _NONE),
    column("contact", JSONB, _PERSONAL),
    column("metadata", JSONB, _PERSONAL),
    column("version", BigInteger, _NONE, nullable=False),
    column("reports", BigInteger, _NONE, nullable=False, server_default=text("0")),
    column("opened_by", Uuid, _NONE, ForeignKey("support_agents.agent_id"), nullable=False),
    column("awaiting_since", _TIME, _NONE),
    column("first_responded_at", _TIME, _NONE),
    column("next_due_at", _TIME, _NONE),
    column("waits_for", JSONB, _NONE),
    column("linked_ticket_id", Uuid, _NONE, ForeignKey("support_tickets.ticket_id")),
    column("created_at", _TIME, _NONE, nullable=False),
    column("updated_at", _TIME, _NONE, nullable=False),
    column("resolved_at", _TIME, _NONE),
    column("closed_at", _TIME, _NONE),
    Index("support_tickets_customer", "customer_id", "ticket_id"),
    Index("support_tickets_order", "order_id", "ticket_id", postgresql_where=text("order_id IS NOT NULL")),
    Index("support_tickets_assigned", "assignee", "status", "ticket_id", postgresql_where=text("assignee IS NOT NULL")),
    Index("support_tickets_queue", "team", "status", "ticket_id"),
    Index("support_tickets_opened", "opened_by", "status", "ticket_id"),
    Index("support_tickets_link", "linked_ticket_id", postgresql_where=text("linked_ticket_id IS NOT NULL")),
    Index("support_tickets_waits_for", "order_id", postgresql_where=text("waits_for IS NOT NULL")),
    Index("support_tickets_waiting", "awaiting_since", postgresql_where=text("awaiting_since IS NOT NULL")),
)

support_conversations = Table(
    "support_conversations",
    metadata,
    column("conversation_id", Uuid, _NONE, primary_key=True),
    column("ticket_id", Uuid, _NONE, ForeignKey("support_tickets.ticket_id"), nullable=False),
    column("author_type", String(16), _NONE, nullable=False),
    column("message", Text, _PERSONAL, nullable=False),
    column("created_at", _TIME, _NONE, nullable=False),
    column("attachment_uri", Text, _NONE),
    column("sentiment", String(16), _NONE),
    column("metadata", JSONB, _PERSONAL),
    column("number", Integer, _NONE, nullable=False),
    column("internal", Boolean, _NONE, nullable=False, server_default=text("false")),
    column("author_id", Uuid, _NONE, ForeignKey("support_agents.agent_id"), nullable=False),
    column("recorded_by", Uuid, _NONE, ForeignKey("support_agents.agent_id")),
    UniqueConstraint("ticket_id", "number", name="support_conversations_number"),
)

# Beside the messages, which are never changed once they are said: what becomes of a reply is told later, and again.
support_reply_deliveries = Table(
    "support_reply_deliveries",
    metadata,
    column("conversation_id", Uuid, _NONE, ForeignKey("support_conversations.conversation_id"), primary_key=True),
    column("ticket_id", Uuid, _NONE, ForeignKey("support_tickets.ticket_id"), nullable=False),
    column("carrier", Uuid, _NONE, ForeignKey("support_agents.agent_id"), nullable=False),
    column("state", String(16), _NONE, nullable=False),
    column("reason", String(16), _NONE),
    column("reported_at", _TIME, _NONE),
    column("provider_id", Text, _PERSONAL),
    Index("support_reply_deliveries_of_case", "ticket_id", "conversation_id"),
    Index("support_reply_deliveries_of_carrier", "carrier", "state", "conversation_id"),
    Index("support_reply_deliveries_queued", "conversation_id", postgresql_where=text("state = 'queued'")),
    Index("support_reply_deliveries_failed", "ticket_id", postgresql_where=text("state = 'failed'")),
)

support_case_search = Table(
    "support_case_search",
    metadata,
    # No foreign key: written with what it finds, which is never deleted; and made while the version before runs.
    column("ticket_id", Uuid, _NONE, primary_key=True),
    column("number", Integer, _NONE, primary_key=True),
    column("internal", Boolean, _NONE, nullable=False),
    column("words", TSVECTOR, _PERSONAL, nullable=False),
    Index("support_case_search_words", "words", postgresql_using="gin"),
)
