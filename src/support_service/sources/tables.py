"""`order_subjects`: whose an order is, as far as this service knows."""

from sqlalchemy import CheckConstraint, DateTime, Index, String, Table, Text

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
