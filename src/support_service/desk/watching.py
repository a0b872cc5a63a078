"""What every use case of the desk does when a case asked for is out of sight."""

from collections.abc import Awaitable
from typing import TypeVar

from support_service.activity import ViewRecorder
from support_service.cases import CaseNotFound
from support_service.directory import Principal

_T = TypeVar("_T")


async def watched(views: ViewRecorder, principal: Principal, asking: Awaitable[_T]) -> _T:
    """Record a denial when the case asked for is there but out of sight; the answer stays the same."""
    try:
        return await asking
    except CaseNotFound as error:
        if error.ticket_id is not None:
            await views.denied(principal.principal_id, "case.out_of_sight", error.ticket_id)
        raise
