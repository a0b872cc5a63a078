"""What the context tells the event log."""

from typing import Annotated, ClassVar

from support_service.kit.eventlog import LoggedEvent
from support_service.kit.privacy import DataClass


class TimelineChanged(LoggedEvent):
    """A new fact about a customer's order came in; its sequence is the customer's generation."""

    type_: ClassVar[str] = "support.timeline.changed"

    customer_id: Annotated[str, DataClass.PERSONAL]
    order_id: Annotated[str, DataClass.NONE]
    source: Annotated[str, DataClass.NONE]
    entry_id: Annotated[str, DataClass.NONE]
