"""What happens to a case, as it stands in the event log and is published: ids and codes, no free text."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from support_service.cases.delivery import DeliveryState, FailureReason
from support_service.cases.model import AuthorType, Channel, Priority, Status
from support_service.kit.eventlog import LoggedEvent
from support_service.kit.privacy import DataClass

_Id = Annotated[UUID, DataClass.NONE]
_Code = Annotated[str, DataClass.NONE]
_MaybeId = Annotated[UUID | None, DataClass.NONE]
_MaybeCode = Annotated[str | None, DataClass.NONE]
_Customer = Annotated[str, DataClass.PERSONAL]


class CaseOpened(LoggedEvent):
    """A case was opened, with its first message."""

    type_: ClassVar[str] = "support.case.opened"

    ticket_id: _Id
    customer_id: _Customer
    order_id: _MaybeCode
    channel: Annotated[Channel, DataClass.NONE]
    priority: Annotated[Priority, DataClass.NONE]
    team: _MaybeCode
    linked_ticket_id: _MaybeId


class MessagePosted(LoggedEvent):
    """A message was added to a case."""

    type_: ClassVar[str] = "support.case.message.posted"

    ticket_id: _Id
    conversation_id: _Id
    number: Annotated[int, DataClass.NONE]
    author_type: Annotated[AuthorType, DataClass.NONE]
    internal: Annotated[bool, DataClass.NONE]
    team: _MaybeCode


class StatusChanged(LoggedEvent):
    """A case moved from one status to another."""

    type_: ClassVar[str] = "support.case.status.changed"

    ticket_id: _Id
    before: Annotated[Status, DataClass.NONE]
    after: Annotated[Status, DataClass.NONE]
    team: _MaybeCode


class CaseClosed(LoggedEvent):
    """A case ended."""

    type_: ClassVar[str] = "support.case.closed"

    ticket_id: _Id
    closed_at: Annotated[datetime, DataClass.NONE]
    team: _MaybeCode


class CaseAssigned(LoggedEvent):
    """A case was given to a person, a team, or back to nobody."""

    type_: ClassVar[str] = "support.case.assigned"

    ticket_id: _Id
    assignee: _MaybeId
    team: _MaybeCode
    team_before: _MaybeCode


class AwaitedCame(LoggedEvent):
    """What a case waited for has come; the case is open again if it was not."""

    type_: ClassVar[str] = "support.case.awaited.came"

    ticket_id: _Id
    source: _Code
    status: _Code
    entry_id: _Code
    assignee: _MaybeId
    team: _MaybeCode


class DeliveryChanged(LoggedEvent):
    """How a reply stands on its way to the customer has changed.

    Its sequence is the case's version, which a report alone does not move: `reported_at` orders what is told of one reply.
    """

    type_: ClassVar[str] = "support.case.delivery.changed"

    ticket_id: _Id
    conversation_id: _Id
    number: Annotated[int, DataClass.NONE]
    state: Annotated[DeliveryState, DataClass.NONE]
    reason: Annotated[FailureReason | None, DataClass.NONE]
    reported_at: Annotated[datetime, DataClass.NONE]
    assignee: _MaybeId
    team: _MaybeCode


class CaseUpdated(LoggedEvent):
    """Other fields of a case changed; `fields` names them."""

    type_: ClassVar[str] = "support.case.updated"

    ticket_id: _Id
    fields: Annotated[tuple[str, ...], DataClass.NONE]
    customer_id: _Customer
    order_id: _MaybeCode
    team: _MaybeCode
