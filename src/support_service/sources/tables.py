"""`order_subjects`: whose an order is, as far as this service knows; `order_owner_changes`: how often that changed."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, Index, String, Table, Text, text

from support_service.kit.privacy import DataClass
from support_service.kit.schema import column, metadata

order_subjects = Table(
    "order_subjects",
    metadata,
    column("order_id", Text, DataClass.NONE, primary_key=True),
    column("customer_id", Text, DataClass.PERSONAL, nullable=False),
    column("origin", String(8), DataClass.NONE, nullable=False),
    column("learnt_at", DateTime(timezone=True), DataClass.NONE, nullable=False),
    CheckConstraint("origin IN ('claimed', 'learnt')", name="order_subjects_origin"),
    Index("order_subjects_of_customer", "customer_id", "learnt_at"),
)

order_owner_changes = Table(
    "order_owner_changes",
    metadata,
    column("one", Boolean, DataClass.NONE, primary_key=True, server_default=text("true")),
    column("changes", BigInteger, DataClass.NONE, nullable=False, server_default=text("0")),
    CheckConstraint("one", name="order_owner_changes_one"),
)
"""One row. A trigger counts in it when an owner that was learnt changes or goes, whoever did that."""
