"""How often the owner of an order has changed, so that a process may remember owners.

The version before this one goes on working: whoever changes an owner, a trigger counts it.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COUNTS = "order_owner_changes"
_OWNERS = "order_subjects"
_COUNT = f"""
    CREATE FUNCTION {_COUNTS}_count() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
    $$ BEGIN UPDATE {_COUNTS} SET changes = changes + 1; RETURN NULL; END $$
"""  # noqa: S608 - names of ours
_CHANGED = "OLD.origin = 'learnt' AND (NEW.origin, NEW.customer_id) IS DISTINCT FROM (OLD.origin, OLD.customer_id)"


def upgrade() -> None:
    op.create_table(
        _COUNTS,
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("changes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("one", name=f"{_COUNTS}_one"),
        sa.PrimaryKeyConstraint("one"),
    )
    op.execute(f"INSERT INTO {_COUNTS} DEFAULT VALUES")
    op.execute(_COUNT)
    for when, each in (
        (f"UPDATE ON {_OWNERS}", f"ROW WHEN ({_CHANGED})"),
        (f"DELETE OR TRUNCATE ON {_OWNERS}", "STATEMENT"),
    ):
        name = f"{_OWNERS}_{when.split()[0].lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {when} FOR EACH {each} EXECUTE FUNCTION {_COUNTS}_count()")


def downgrade() -> None:
    for event in ("update", "delete"):
        op.execute(f"DROP TRIGGER {_OWNERS}_{event} ON {_OWNERS}")
    op.execute(f"DROP FUNCTION {_COUNTS}_count()")
    op.drop_table(_COUNTS)
