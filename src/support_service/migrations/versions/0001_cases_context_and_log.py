"""Cases, conversations, context, activity, directory, and the event log with its due work and idempotency keys.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from support_service.activity.tables import APPEND_ONLY, CHANGEABLE
from support_service.cases.tables import ticket_references

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(ticket_references))
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dead_letter_id"),
    )
    op.create_index("dead_letters_origin", "dead_letters", ["topic", "partition", "position"], unique=True)
    op.create_table(
        "due_work",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.create_index("due_work_next", "due_work", ["next_at"], unique=False)
    op.create_table(
        "event_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_log_position", "event_log", ["position"], unique=True)
    op.create_index(
        "event_log_unstamped", "event_log", ["id"], unique=False, postgresql_where=sa.text("position IS NULL")
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", "route", "key"),
    )
    op.create_index("idempotency_keys_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "log_cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "log_head",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "order_subjects",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("origin IN ('claimed', 'learnt')", name="order_subjects_origin"),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("order_subjects_of_customer", "order_subjects", ["customer_id", "learnt_at"], unique=False)
    op.create_table(
        "support_agent_activity",
        sa.Column("activity_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("activity_id"),
    )
    op.create_index("support_agent_activity_agent", "support_agent_activity", ["agent_id", "activity_id"], unique=False)
    op.create_index(
        "support_agent_activity_ticket",
        "support_agent_activity",
        ["ticket_id", "activity_id"],
        unique=False,
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )
    op.create_index(
        "support_agent_activity_view",
        "support_agent_activity",
        ["agent_id", "ticket_id", "minute"],
        unique=True,
        postgresql_where=sa.text("action = 'case.viewed'"),
    )
    op.create_table(
        "support_agents",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("teams", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agent_id"),
        sa.UniqueConstraint("issuer", "subject", name="support_agents_identity"),
    )
    op.create_table(
        "support_customers",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "support_teams",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team"),
    )
    op.create_table(
        "support_timeline_events",
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("entry_id"),
        sa.UniqueConstraint("source", "event_id", name="support_timeline_events_event"),
    )
    op.create_index("support_timeline_events_order", "support_timeline_events", ["order_id"], unique=False)
    op.create_index("support_timeline_events_received", "support_timeline_events", ["received_at"], unique=False)
    op.create_table(
        "support_tickets",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("assignee", sa.Uuid(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("tags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("contact", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("awaiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("linked_ticket_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignee"],
            ["support_agents.agent_id"],
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["support_customers.customer_id"],
        ),
        sa.ForeignKeyConstraint(
            ["linked_ticket_id"],
            ["support_tickets.ticket_id"],
        ),
        sa.ForeignKeyConstraint(
            ["opened_by"],
            ["support_agents.agent_id"],
        ),
        sa.ForeignKeyConstraint(
            ["team"],
            ["support_teams.team"],
        ),
        sa.PrimaryKeyConstraint("ticket_id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index(
        "support_tickets_assignee",
        "support_tickets",
        ["assignee", "ticket_id"],
        unique=False,
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )
    op.create_index("support_tickets_customer", "support_tickets", ["customer_id", "ticket_id"], unique=False)
    op.create_index("support_tickets_opened_by", "support_tickets", ["opened_by", "ticket_id"], unique=False)
    op.create_index(
        "support_tickets_order",
        "support_tickets",
        ["order_id", "ticket_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index("support_tickets_queue", "support_tickets", ["team", "status", "ticket_id"], unique=False)
    op.create_index(
        "support_tickets_link",
        "support_tickets",
        ["linked_ticket_id"],
        unique=False,
        postgresql_where=sa.text("linked_ticket_id IS NOT NULL"),
    )
    op.create_index(
        "support_tickets_waiting",
        "support_tickets",
        ["awaiting_since"],
        unique=False,
        postgresql_where=sa.text("awaiting_since IS NOT NULL"),
    )
    op.create_table(
        "support_case_context",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("live", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("served_from", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["support_tickets.ticket_id"],
        ),
        sa.PrimaryKeyConstraint("ticket_id", "source"),
    )
    op.create_index("support_case_context_customer", "support_case_context", ["customer_id", "source"], unique=False)
    op.create_index(
        "support_case_context_order",
        "support_case_context",
        ["order_id", "source"],
        unique=False,
        postgresql_where=sa.text("live AND order_id IS NOT NULL"),
    )
    op.create_table(
        "support_conversations",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author_type", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attachment_uri", sa.Text(), nullable=True),
        sa.Column("sentiment", sa.String(length=16), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["support_agents.agent_id"],
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"],
            ["support_agents.agent_id"],
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["support_tickets.ticket_id"],
        ),
        sa.PrimaryKeyConstraint("conversation_id"),
        sa.UniqueConstraint("ticket_id", "number", name="support_conversations_number"),
    )
    op.execute("INSERT INTO log_head (one, position) VALUES (1, 0)")
    for statement in APPEND_ONLY:
        op.execute(statement)


def downgrade() -> None:
    for statement in CHANGEABLE:
        op.execute(statement)
    op.drop_table("support_conversations")
    op.drop_index(
        "support_case_context_order",
        table_name="support_case_context",
        postgresql_where=sa.text("live AND order_id IS NOT NULL"),
    )
    op.drop_index("support_case_context_customer", table_name="support_case_context")
    op.drop_table("support_case_context")
    op.drop_index(
        "support_tickets_link", table_name="support_tickets", postgresql_where=sa.text("linked_ticket_id IS NOT NULL")
    )
    op.drop_index(
        "support_tickets_waiting", table_name="support_tickets", postgresql_where=sa.text("awaiting_since IS NOT NULL")
    )
    op.drop_index("support_tickets_queue", table_name="support_tickets")
    op.drop_index(
        "support_tickets_order", table_name="support_tickets", postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.drop_index("support_tickets_opened_by", table_name="support_tickets")
    op.drop_index("support_tickets_customer", table_name="support_tickets")
    op.drop_index(
        "support_tickets_assignee", table_name="support_tickets", postgresql_where=sa.text("assignee IS NOT NULL")
    )
    op.drop_table("support_tickets")
    op.drop_index("support_timeline_events_received", table_name="support_timeline_events")
    op.drop_index("support_timeline_events_order", table_name="support_timeline_events")
    op.drop_table("support_timeline_events")
    op.drop_table("support_teams")
    op.drop_table("support_customers")
    op.drop_table("support_agents")
    op.drop_index(
        "support_agent_activity_view",
        table_name="support_agent_activity",
        postgresql_where=sa.text("action = 'case.viewed'"),
    )
    op.drop_index(
        "support_agent_activity_ticket",
        table_name="support_agent_activity",
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )
    op.drop_index("support_agent_activity_agent", table_name="support_agent_activity")
    op.drop_table("support_agent_activity")
    op.drop_index("order_subjects_of_customer", table_name="order_subjects")
    op.drop_table("order_subjects")
    op.drop_table("log_head")
    op.drop_table("log_cursors")
    op.drop_index("idempotency_keys_created", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("event_log_unstamped", table_name="event_log", postgresql_where=sa.text("position IS NULL"))
    op.drop_index("event_log_position", table_name="event_log")
    op.drop_table("event_log")
    op.drop_index("due_work_next", table_name="due_work")
    op.drop_table("due_work")
    op.drop_index("dead_letters_origin", table_name="dead_letters")
    op.drop_table("dead_letters")
    op.execute(sa.schema.DropSequence(ticket_references))
