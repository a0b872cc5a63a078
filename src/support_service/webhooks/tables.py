"""`support_webhooks` and `support_webhook_deliveries`."""

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Index, Integer, String, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
_PERSONAL = DataClass.PERSONAL
_SENSITIVE = DataClass.SENSITIVE
PENDING, CLAIMED, FAILED = "status = 'PENDING'", "claim IS NOT NULL", "status = 'FAILED'"

support_webhooks = Table(
    "support_webhooks",
    metadata,
    column("webhook_id", Uuid, _NONE, primary_key=True),
    column("url", Text, _SENSITIVE, nullable=False),  # some receivers want a key in it
    column("types", ARRAY(Text), _NONE),
    column("description", Text, _PERSONAL),
    column("active", Boolean, _NONE, nullable=False),
    column("off_reason", String(16), _NONE),
    column("version", BigInteger, _NONE, nullable=False),
    column("secret", Text, _SENSITIVE, nullable=False),
    column("previous_secret", Text, _SENSITIVE),
    column("previous_secret_until", _TIME, _NONE),
    column("from_position", BigInteger, _NONE, nullable=False),
    column("failing_since", _TIME, _NONE),
    column("created_by", Uuid, _NONE, nullable=False),
    column("created_at", _TIME, _NONE, nullable=False),
    column("updated_at", _TIME, _NONE, nullable=False),
)

support_webhook_deliveries = Table(
    "support_webhook_deliveries",
    metadata,
    column("delivery_id", Uuid, _NONE, primary_key=True),
    # No foreign key: what is left of a webhook that is gone is deleted in batches, not all in its transaction.
    column("webhook_id", Uuid, _NONE, nullable=False),
    column("event_id", Uuid, _NONE, nullable=False),
    column("type", Text, _NONE, nullable=False),
    column("body", Text, _PERSONAL, nullable=False),
    column("status", String(16), _NONE, nullable=False),
    column("tries", Integer, _NONE, nullable=False, server_default=text("0")),
    column("attempts", JSONB, _PERSONAL, nullable=False, server_default=text("'[]'")),
    column("next_at", _TIME, _NONE),
    column("claim", Uuid, _NONE),
    column("created_at", _TIME, _NONE, nullable=False),
    column("finished_at", _TIME, _NONE),
    Index("support_webhook_deliveries_of_webhook", "webhook_id", "delivery_id"),
    Index("support_webhook_deliveries_failed", "webhook_id", "delivery_id", postgresql_where=text(FAILED)),
    Index("support_webhook_deliveries_due", "webhook_id", "next_at", postgresql_where=text(PENDING)),
    Index("support_webhook_deliveries_claimed", "webhook_id", "next_at", postgresql_where=text(CLAIMED)),
)
