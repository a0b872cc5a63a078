"""Cases that wait for a state of their order, a payment or a shipment.

The version before this one goes on working: it neither reads nor writes the new column.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLE, _INDEX = "support_tickets", "support_tickets_waits_for"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("waits_for", postgresql.JSONB(), nullable=True))
    op.create_index(_INDEX, _TABLE, ["order_id"], postgresql_where=sa.text("waits_for IS NOT NULL"))


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    op.drop_column(_TABLE, "waits_for")
