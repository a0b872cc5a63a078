"""`support_attachments`."""

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, SmallInteger, String, Table, Text, Uuid, text

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
_PERSONAL = DataClass.PERSONAL
UNATTACHED = "conversation_id IS NULL"

support_attachments = Table(
    "support_attachments",
    metadata,
    column("attachment_id", Uuid, _NONE, primary_key=True),
    column("ticket_id", Uuid, _NONE, ForeignKey("support_tickets.ticket_id"), nullable=False),
    column("requested_by", Uuid, _NONE, ForeignKey("support_agents.agent_id"), nullable=False),
    column("file_name", Text, _PERSONAL, nullable=False),
    column("content_type", Text, _NONE, nullable=False),
    column("size", BigInteger, _NONE, nullable=False),
    column("sha256", String(64), _PERSONAL, nullable=False),  # tells who holds the same file
    column("state", String(16), _NONE, nullable=False),
    column("reason", String(16), _NONE),
    column("staging_key", Text, _NONE, nullable=False),
    column("object_key", Text, _NONE),
    column("checking_until", _TIME, _NONE),
    column("conversation_id", Uuid, _NONE, ForeignKey("support_conversations.conversation_id")),
    column("place", SmallInteger, _NONE),
    column("created_at", _TIME, _NONE, nullable=False),
    Index("support_attachments_unattached", "ticket_id", postgresql_where=text(UNATTACHED)),
    Index(
        "support_attachments_of_message",
        "conversation_id",
        "place",
        unique=True,
        postgresql_where=text("conversation_id IS NOT NULL"),
    ),
)
