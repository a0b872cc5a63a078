"""Attachments: the files of cases, what is known of them and which message holds them.

The version before this one goes on working: the table is new to it.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLE = "support_attachments"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("staging_key", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("checking_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["support_tickets.ticket_id"]),
        sa.ForeignKeyConstraint(["requested_by"], ["support_agents.agent_id"]),
        sa.ForeignKeyConstraint(["conversation_id"], ["support_conversations.conversation_id"]),
        sa.PrimaryKeyConstraint("attachment_id"),
    )
    unattached, attached = sa.text("conversation_id IS NULL"), sa.text("conversation_id IS NOT NULL")
    op.create_index(f"{_TABLE}_unattached", _TABLE, ["ticket_id"], postgresql_where=unattached)
    op.create_index(
        f"{_TABLE}_of_message", _TABLE, ["conversation_id", "place"], unique=True, postgresql_where=attached
    )


def downgrade() -> None:
    op.drop_table(_TABLE)
