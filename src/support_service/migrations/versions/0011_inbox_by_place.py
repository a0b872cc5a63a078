"""The inbox of shop events in two indexes: what is old is found by its place, as every event that comes pays for each index.

The version before this one goes on working: it reads the whole inbox where it clears old events away.

Revision: 0011, after 0010.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLE = "support_timeline_events"


def upgrade() -> None:
    op.drop_index(f"{_TABLE}_received", _TABLE)


def downgrade() -> None:
    op.create_index(f"{_TABLE}_received", _TABLE, ["received_at"])
