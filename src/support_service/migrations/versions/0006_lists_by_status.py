"""Lists of an assignee's and of an opener's cases by status, in as many indexes as before.

With the status in them a page costs what it shows, however many of their cases have another one. The version before this one
goes on working: it finds by the new indexes what it found by the old ones.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLE = "support_tickets"
_ASSIGNED = sa.text("assignee IS NOT NULL")


def upgrade() -> None:
    op.create_index(f"{_TABLE}_assigned", _TABLE, ["assignee", "status", "ticket_id"], postgresql_where=_ASSIGNED)
    op.create_index(f"{_TABLE}_opened", _TABLE, ["opened_by", "status", "ticket_id"])
    for old in ("assignee", "opened_by"):
        op.drop_index(f"{_TABLE}_{old}", _TABLE)


def downgrade() -> None:
    op.create_index(f"{_TABLE}_assignee", _TABLE, ["assignee", "ticket_id"], postgresql_where=_ASSIGNED)
    op.create_index(f"{_TABLE}_opened_by", _TABLE, ["opened_by", "ticket_id"])
    for new in ("assigned", "opened"):
        op.drop_index(f"{_TABLE}_{new}", _TABLE)
