"""The inbox of shop events in three indexes instead of five, as every event that comes pays for each of them.

One index finds the events of an order and keeps each entry once. A customer's events are found by their orders, which
`order_subjects` tells. When an event came, the database says itself.

The version before this one goes on working: it finds by orders as before, and reads the whole inbox where it looks for an
entry or a customer.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLE = "support_timeline_events"


def upgrade() -> None:
    _keyed_by("order_id", "entry_id")
    _told_once_by("event_id", "source")
    for old in ("order", "customer"):
        op.drop_index(f"{_TABLE}_{old}", _TABLE)
    op.alter_column(_TABLE, "received_at", server_default=sa.text("now()"))


def downgrade() -> None:
    op.alter_column(_TABLE, "received_at", server_default=None)
    for old in ("order", "customer"):
        op.create_index(f"{_TABLE}_{old}", _TABLE, [f"{old}_id"])
    _told_once_by("source", "event_id")
    _keyed_by("entry_id")


def _keyed_by(*columns: str) -> None:
    op.drop_constraint(f"{_TABLE}_pkey", _TABLE)
    op.create_primary_key(f"{_TABLE}_pkey", _TABLE, [*columns])


def _told_once_by(*columns: str) -> None:
    op.drop_constraint(f"{_TABLE}_event", _TABLE)
    op.create_unique_constraint(f"{_TABLE}_event", _TABLE, [*columns])
