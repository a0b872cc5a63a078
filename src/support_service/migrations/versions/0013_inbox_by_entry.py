"""The inbox of shop events in one index: an event is known by what it tells, not by its own id as well.

What an event tells is the key, in the columns that say it. The texts made of them, `entry_id` and `kind`, are no longer written; a
later revision drops them.

The version before this one goes on working: it reads the whole inbox where it looks for an entry or an event's id, and shows an
event that the new version stored without its kind. Its API is replaced before its worker where that matters.

Revision: 0013, after 0012.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = "support_timeline_events"


def upgrade() -> None:
    op.drop_constraint(f"{_TABLE}_event", _TABLE)
    _keyed_by("order_id", "source", "entity_id", "version")
    op.alter_column(_TABLE, "entry_id", nullable=True)
    op.alter_column(_TABLE, "kind", server_default="")


def downgrade() -> None:
    op.execute("""
        UPDATE support_timeline_events
        SET entry_id = concat_ws(':', source, entity_id, version), kind = concat_ws('.', source, data ->> 'status')
        WHERE entry_id IS NULL
    """)
    op.alter_column(_TABLE, "kind", server_default=None)
    _keyed_by("order_id", "entry_id")
    # Of several that bear the same id the version before this one knows one.
    op.execute("""
        DELETE FROM support_timeline_events AS event USING support_timeline_events AS other
        WHERE (event.event_id, event.source) = (other.event_id, other.source) AND event.ctid > other.ctid
    """)
    op.create_unique_constraint(f"{_TABLE}_event", _TABLE, ["event_id", "source"])


def _keyed_by(*columns: str) -> None:
    op.drop_constraint(f"{_TABLE}_pkey", _TABLE)
    op.create_primary_key(f"{_TABLE}_pkey", _TABLE, [*columns])
