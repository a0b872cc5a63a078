"""What can be refused about a case."""

from typing import Self
from uuid import UUID

from support_service.kit.problems import Conflict, InvalidInput, NotFound, PreconditionFailed


class CaseNotFound(NotFound):
    """There is no such case, or none that you may see."""

    ticket_id: UUID | None = None
    """The case, when there is one but out of sight: for the record of denials, never for the answer."""

    @classmethod
    def withheld(cls, ticket_id: UUID) -> Self:
        """The same answer as for a case that does not exist, remembering which one was asked for."""
        error = cls()
        error.ticket_id = ticket_id
        return error


class ReplyNotFound(NotFound):
    """There is no such reply in this case, or none that you deliver."""


class ReportFromTheFuture(InvalidInput):
    """A report cannot tell of what is still to come; compare your clock."""


class CaseChanged(PreconditionFailed):
    """The case has changed since you read it."""


class CaseClosed(Conflict):
    """The case is closed; only notes can be added to it."""


class MoveNotAllowed(Conflict):
    """A case cannot go from its status to this one."""


class ConversationMoved(Conflict):
    """There are newer messages than the one you had seen."""


class UnknownMessage(InvalidInput):
    """The message named is not one of this case."""


class OrderOfAnotherCustomer(InvalidInput):
    """This order belongs to another customer."""


class NoOrderToWaitFor(InvalidInput):
    """A case without an order has nothing to wait for."""


class AwaitedAlready(Conflict):
    """What the case is to wait for has come already."""


class AssigneeNotAllowed(InvalidInput):
    """The case cannot be given to this person or team by you."""
