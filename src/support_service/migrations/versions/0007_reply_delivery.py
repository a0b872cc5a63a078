"""Replies reach the customer: how the delivery of each stands, and on a case how often one was reported.

The version before this one goes on working: the table is new to it, and the column has a default. What it says meanwhile
has no delivery: nobody would know whether its carrier had brought it already.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_DELIVERIES = "support_reply_deliveries"
_INDEXES = {
    "of_case": (["ticket_id", "conversation_id"], None),
    "of_carrier": (["carrier", "state", "conversation_id"], None),
    "queued": (["conversation_id"], "state = 'queued'"),
    "failed": (["ticket_id"], "state = 'failed'"),
}


def upgrade() -> None:
    op.create_table(
        _DELIVERIES,
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("conversation_id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["support_conversations.conversation_id"]),
        sa.ForeignKeyConstraint(["ticket_id"], ["support_tickets.ticket_id"]),
        sa.ForeignKeyConstraint(["carrier"], ["support_agents.agent_id"]),
    )
    for name, (columns, where) in _INDEXES.items():
        condition = None if where is None else sa.text(where)
        op.create_index(f"{_DELIVERIES}_{name}", _DELIVERIES, columns, postgresql_where=condition)
    op.add_column("support_tickets", sa.Column("reports", sa.BigInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("support_tickets", "reports")
    op.drop_table(_DELIVERIES)
