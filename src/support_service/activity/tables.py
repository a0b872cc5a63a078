"""`support_agent_activity`, and what keeps the database itself from changing it."""

from sqlalchemy import BigInteger, DateTime, Identity, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
VIEWED, NOT_VIEWED = "action = 'case.viewed'", "action <> 'case.viewed'"

support_agent_activity = Table(
    "support_agent_activity",
    metadata,
    column("activity_id", BigInteger, _NONE, Identity(always=True), primary_key=True),
    column("occurred_at", _TIME, _NONE, nullable=False),
    # No foreign keys: what was done stays on record when what it was done to is gone.
    column("agent_id", Uuid, _NONE, nullable=False),
    column("action", Text, _NONE, nullable=False),
    column("ticket_id", Uuid, _NONE),
    column("minute", _TIME, _NONE),
    column("detail", JSONB, _NONE, nullable=False, server_default=text("'{}'")),
    column("request_id", Text, _NONE),
    # Views are most of the rows by far, so they are in as few indexes as will do: who viewed a case, and by time.
    Index(
        "support_agent_activity_views", "ticket_id", "agent_id", "minute", unique=True, postgresql_where=text(VIEWED)
    ),
    Index("support_agent_activity_time", "occurred_at", postgresql_using="brin"),
    Index("support_agent_activity_of_ticket", "ticket_id", "activity_id", postgresql_where=text(NOT_VIEWED)),
    Index("support_agent_activity_of_agent", "agent_id", "activity_id", postgresql_where=text(NOT_VIEWED)),
)

APPEND_ONLY = (
    """\
CREATE FUNCTION support_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it can only be added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$""",
    """\
CREATE TRIGGER support_agent_activity_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON support_agent_activity
FOR EACH STATEMENT EXECUTE FUNCTION support_refuse_change()""",
    "ALTER TABLE support_agent_activity ENABLE ALWAYS TRIGGER support_agent_activity_append_only",
)
"""Statements, run after the table is made, that refuse every change of it, the owner's and a replica's too."""

CHANGEABLE = (
    "DROP TRIGGER support_agent_activity_append_only ON support_agent_activity",
    "DROP FUNCTION support_refuse_change()",
)
"""The way back."""
