"""The kit's own tables: the event log, due work, idempotency keys and dead letters."""

from sqlalchemy import BigInteger, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
_PERSONAL = DataClass.PERSONAL

event_log = Table(
    "event_log",
    metadata,
    column("id", BigInteger, _NONE, Identity(always=True), primary_key=True),
    column("position", BigInteger, _NONE),
    column("event_id", Uuid, _NONE, nullable=False),
    column("type", Text, _NONE, nullable=False),
    column("subject", Text, _PERSONAL, nullable=False),
    column("sequence", BigInteger, _NONE, nullable=False),
    column("data", JSONB, _PERSONAL, nullable=False),
    column("occurred_at", _TIME, _NONE, nullable=False),
    column("trace", Text, _NONE),
    Index("event_log_position", "position", unique=True),
    Index("event_log_unstamped", "id", postgresql_where=text("position IS NULL")),
)

log_head = Table(
    "log_head",
    metadata,
    column("one", Integer, _NONE, primary_key=True, autoincrement=False),
    column("position", BigInteger, _NONE, nullable=False),
)

log_cursors = Table(
    "log_cursors",
    metadata,
    column("name", Text, _NONE, primary_key=True),
    column("position", BigInteger, _NONE, nullable=False),
    column("moved_at", _TIME, _NONE, nullable=False),
)

due_work = Table(
    "due_work",
    metadata,
    column("kind", Text, _NONE, primary_key=True),
    column("key", Text, _PERSONAL, primary_key=True),
    column("next_at", _TIME, _NONE, nullable=False),
    column("attempts", Integer, _NONE, nullable=False, server_default=text("0")),
    column("claim", Uuid, _NONE),
    column("payload", JSONB, _PERSONAL),
    Index("due_work_next", "next_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    column("principal_id", Uuid, _NONE, primary_key=True),
    column("route", Text, _NONE, primary_key=True),
    column("key", Text, _NONE, primary_key=True),
    column("fingerprint", LargeBinary, _NONE, nullable=False),
    column("status", Integer, _NONE, nullable=False),
    column("headers", JSONB, _NONE, nullable=False),
    column("body", LargeBinary, _PERSONAL, nullable=False),
    column("created_at", _TIME, _NONE, nullable=False),
    Index("idempotency_keys_created", "created_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    column("dead_letter_id", Uuid, _NONE, primary_key=True),
    column("topic", Text, _NONE, nullable=False),
    column("partition", Integer, _NONE, nullable=False),
    column("position", BigInteger, _NONE, nullable=False),
    column("key", LargeBinary, _PERSONAL),
    column("headers", JSONB, _PERSONAL, nullable=False),
    column("value", LargeBinary, _PERSONAL, nullable=False),
    column("reason", Text, _NONE, nullable=False),
    column("attempts", Integer, _NONE, nullable=False),
    column("received_at", _TIME, _NONE, nullable=False),
    Index("dead_letters_origin", "topic", "partition", "position", unique=True),
)
