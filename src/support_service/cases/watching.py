"""Who asked for a case out of their sight, on record."""

from collections.abc import Awaitable
from typing import TypeVar

from support_service.activity import Denials
from support_service.cases.errors import CaseNotFound
from support_service.directory import Principal

_T = TypeVar("_T")


async def watched(denials: Denials, principal: Principal, reading: Awaitable[_T]) -> _T:
    """Record a denial when the case asked for is there but out of sight; the answer stays the same."""
    try:
        return await reading
    except CaseNotFound as error:
        if error.ticket_id is not None:
            await denials.denied(principal.principal_id, "case.out_of_sight", error.ticket_id)
        raise
