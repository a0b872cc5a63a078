"""`record`, the only writer of what was done; every use case calls it in its own transaction."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from support_service.activity import store
from support_service.kit import logs
from support_service.kit.together import Sends

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")


async def record(
    tx: Sends,
    *,
    agent_id: UUID,
    action: str,
    ticket_id: UUID | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add to the account who did what, in the transaction of what was done.

    Args:
        tx: the transaction; if this row cannot be written, nothing was done.
        agent_id: who.
        action: what, as a code in the past tense, such as `case.opened`.
        ticket_id: to which case, if to one.
        detail: ids, codes, numbers and lists of them; never text that a person wrote.

    Raises:
        ValueError: `detail` holds something else.
    """
    told = dict(detail or {})
    for name, value in told.items():
        if not _is_code(value):
            message = f"{name} of {action} is not an id, a code or a number"
            raise ValueError(message)
    await store.insert(
        tx,
        occurred_at=datetime.now(UTC),
        agent_id=agent_id,
        action=action,
        ticket_id=ticket_id,
        detail=told,
        request_id=logs.current_request_id(),
    )


def _is_code(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_code(member) for member in value)
    return value is None or isinstance(value, bool | int) or (isinstance(value, str) and bool(_CODE.fullmatch(value)))
