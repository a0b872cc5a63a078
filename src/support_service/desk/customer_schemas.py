"""What the routes of customers and related cases give."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from support_service.desk.schemas import TicketPage, TicketResponse
from support_service.kit.models import Output
from support_service.timeline import TimelineResponse


class RelatedCases(Output):
    """The other cases in your sight on the order of a case, newest first."""

    order_id: str | None
    count: int = Field(description="How many there are; of very many the newest 50.")
    more: bool = Field(description="Whether there are more than are counted.")
    items: tuple[TicketResponse, ...] = Field(description="The newest five.")


class CustomerOrder(Output):
    """An order of a customer."""

    order_id: str
    status: str | None = Field(description="Its newest state; null when none is among the facts of the timeline shown.")
    status_since: datetime | None
    cases: int = Field(description="Cases on it among those shown.")


class RepeatContact(Output):
    """An order about which a customer came more than once, among the cases shown."""

    order_id: str
    cases: int
    newest: UUID = Field(description="The newest of these cases.")


class CustomerResponse(Output):
    """A customer, as far as they are known from cases in your sight and from the shop."""

    customer_id: str
    known_since: datetime = Field(description="When the first case of theirs was opened.")
    contact: dict[str, Any] | None = Field(description="As last given in a case that is shown.")
    languages: tuple[str, ...] = Field(description="Of their cases, the last one first.")
    cases: TicketPage = Field(description="The newest 50 in your sight; go on with `GET /support/cases?customer_id=`.")
    orders: tuple[CustomerOrder, ...]
    orders_complete: bool = Field(
        description="Whether these are all their orders as they stand now; the timeline's sources say what is missing."
    )
    repeat_contacts: tuple[RepeatContact, ...]
    timeline: TimelineResponse | None = Field(description="Of their newest 20 orders, as of a case without an order.")
