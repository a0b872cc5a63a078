"""Finding cases by words, and teams that the service itself keeps.

The version before this one goes on working: it neither reads nor writes what is new. What it writes meanwhile has no words
yet; the worker of this version adds them within the hour. All is filled in one transaction, which only reads what others
write; what they would have to wait for, a changed table, comes last.

Revision: 0009, after 0008.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from support_service.kit.words import texts_in, words_of

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLE = "support_case_search"
_BATCH = 1_000
_HEADS = """
    SELECT ticket_id AS id, ticket_id, 0 AS number, false AS internal, reference, subject, customer_id, order_id, category,
        tags, contact::text AS contact
    FROM support_tickets WHERE ticket_id > :after ORDER BY ticket_id LIMIT :batch"""
_MESSAGES = """
    SELECT conversation_id AS id, ticket_id, number, internal, message
    FROM support_conversations WHERE conversation_id > :after ORDER BY conversation_id LIMIT :batch"""
_INSERT = sa.text("""
    INSERT INTO support_case_search (ticket_id, number, internal, words)
    SELECT ticket_id, number, internal, array_to_tsvector(string_to_array(words, ' '))
    FROM unnest(:tickets, :numbers, :internals, :words) AS fresh (ticket_id, number, internal, words)""").bindparams(
    sa.bindparam("tickets", type_=sa.ARRAY(sa.Uuid())),
    sa.bindparam("numbers", type_=sa.ARRAY(sa.Integer())),
    sa.bindparam("internals", type_=sa.ARRAY(sa.Boolean())),
    sa.bindparam("words", type_=sa.ARRAY(sa.Text())),
)


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "number"),
    )
    _fill(_HEADS, _words_of_head)
    _fill(_MESSAGES, lambda row: words_of(row.message))
    op.create_index(f"{_TABLE}_words", _TABLE, ["words"], postgresql_using="gin")
    op.create_index("support_agents_teams", "support_agents", ["teams"], postgresql_using="gin")
    op.add_column("support_teams", sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("support_teams", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("support_teams", "retired_at")
    op.drop_column("support_teams", "version")
    op.drop_index("support_agents_teams", "support_agents")
    op.drop_table(_TABLE)


def _fill(query: str, words: Callable[[Any], list[str]]) -> None:
    after = UUID(int=0)
    while rows := op.get_bind().execute(sa.text(query), {"after": after, "batch": _BATCH}).all():
        columns = {
            "tickets": [row.ticket_id for row in rows],
            "numbers": [row.number for row in rows],
            "internals": [row.internal for row in rows],
            "words": [" ".join(words(row)) for row in rows],
        }
        op.get_bind().execute(_INSERT, columns)
        after = rows[-1].id


def _words_of_head(row: Any) -> list[str]:
    texts = [row.reference, row.subject, row.customer_id, row.order_id, row.category, *row.tags]
    return words_of(*filter(None, texts), *texts_in(json.loads(row.contact or "null")))
