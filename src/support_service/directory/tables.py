"""`support_agents`, `support_teams` and `support_customers`."""

from sqlalchemy import ARRAY, BigInteger, DateTime, Index, Table, Text, UniqueConstraint, Uuid, text

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

_TIME = DateTime(timezone=True)
_NONE = DataClass.NONE
_PERSONAL = DataClass.PERSONAL

support_agents = Table(
    "support_agents",
    metadata,
    column("agent_id", Uuid, _NONE, primary_key=True),
    column("issuer", Text, _NONE, nullable=False),
    column("subject", Text, _PERSONAL, nullable=False),
    column("name", Text, _PERSONAL),
    column("email", Text, _PERSONAL),
    column("roles", ARRAY(Text), _NONE, nullable=False),
    column("teams", ARRAY(Text), _NONE, nullable=False),
    column("created_at", _TIME, _NONE, nullable=False),
    column("last_seen_at", _TIME, _NONE, nullable=False),
    UniqueConstraint("issuer", "subject", name="support_agents_identity"),
    Index("support_agents_teams", "teams", postgresql_using="gin"),
)

support_teams = Table(
    "support_teams",
    metadata,
    column("team", Text, _NONE, primary_key=True),
    column("name", Text, _NONE, nullable=False),
    column("created_at", _TIME, _NONE, nullable=False),
    column("version", BigInteger, _NONE, nullable=False, server_default=text("1")),
    column("retired_at", _TIME, _NONE),
)

support_customers = Table(
    "support_customers",
    metadata,
    column("customer_id", Text, _PERSONAL, primary_key=True),
    column("generation", BigInteger, _NONE, nullable=False, server_default=text("0")),
    column("created_at", _TIME, _NONE, nullable=False),
)
