"""All SQL of attachments."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from support_service.attachments.model import Attachment, Reason, State
from support_service.kit.database import Row, Tx
from support_service.kit.ids import new_id
from support_service.kit.sql import load_queries, rows_in

_SQL = load_queries("support_service.attachments")
_FIELDS = tuple(field.name for field in fields(Attachment))


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """A file that somebody means to upload."""

    file_name: str
    content_type: str
    size: int
    sha256: str
    staging_key: str


async def insert(
    tx: Tx, ticket_id: UUID, new: NewAttachment, *, by: UUID, at: datetime, most: int
) -> Attachment | None:
    """Add an attachment that is not uploaded yet; None when `most` of the case are in no message already."""
    await tx.execute(_SQL["lock_case"], str(ticket_id))
    if await tx.fetchval(_SQL["count_unattached"], ticket_id) >= most:
        return None
    (row,) = await tx.fetch(
        _SQL["insert_attachment"],
        new_id(),
        ticket_id,
        by,
        new.file_name,
        new.content_type,
        new.size,
        new.sha256,
        new.staging_key,
        at,
    )
    return _attachment(row)


async def attachment(connection: Tx, attachment_id: UUID) -> Attachment | None:
    """One attachment, whatever its state."""
    row = await connection.fetchrow(_SQL["attachment"], attachment_id)
    return None if row is None else _attachment(row)


async def lock(tx: Tx, attachment_ids: Sequence[UUID]) -> dict[UUID, Attachment]:
    """Those of these attachments that there are, locked until the transaction ends."""
    rows = await tx.fetch(_SQL["lock_attachments"], list(attachment_ids))
    return {row["attachment_id"]: _attachment(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Check:
    """The right to check an upload, given to one at a time."""

    attachment_id: UUID
    object_key: str
    left_behind: str | None
    """Where one who died while they checked may have left a copy."""


async def begin_check(tx: Tx, attachment_id: UUID, object_key: str, *, now: datetime, until: datetime) -> Check | None:
    """The right to check, and to keep what is good under this key; None when another has it, or it was checked."""
    row = await tx.fetchrow(_SQL["begin_check"], attachment_id, object_key, now, until)
    return None if row is None else Check(attachment_id, object_key, row["left_behind"])


async def end_check(tx: Tx, check: Check, reason: Reason | None) -> Attachment | None:
    """Write down what was found; None when the right was another's by then."""
    state = State.READY if reason is None else State.REJECTED
    row = await tx.fetchrow(_SQL["end_check"], check.attachment_id, check.object_key, state, reason)
    return None if row is None else _attachment(row)


async def give_up_check(connection: Tx, check: Check) -> None:
    """Give the right back, with nothing found."""
    await connection.execute(_SQL["give_up_check"], check.attachment_id, check.object_key)


async def attach(tx: Tx, attachment_ids: Sequence[UUID], *, ticket_id: UUID, conversation_id: UUID) -> None:
    """Have a message hold these, in this order; their rows are locked by this transaction."""
    await tx.execute(_SQL["attach"], list(attachment_ids), ticket_id, conversation_id)


async def of_messages(connection: Tx, conversation_ids: Sequence[UUID]) -> dict[UUID, list[Attachment]]:
    """What these messages hold, in order."""
    found: dict[UUID, list[Attachment]] = {}
    for row in await connection.fetch(_SQL["of_messages"], list(conversation_ids)):
        found.setdefault(row["conversation_id"], []).append(_attachment(row))
    return found


async def mark_deleted(tx: Tx, attachment_id: UUID) -> bool:
    """Have nobody see an attachment any more; says whether it was one that no message holds."""
    return rows_in(await tx.execute(_SQL["mark_deleted"], attachment_id)) == 1


async def delete(connection: Tx, attachment_id: UUID) -> None:
    """Delete the row of an attachment that nobody sees any more."""
    await connection.execute(_SQL["delete_attachment"], attachment_id)


def _attachment(row: Row) -> Attachment:
    values = {name: row[name] for name in _FIELDS}
    reason = None if row["reason"] is None else Reason(row["reason"])
    return Attachment(**values | {"state": State(row["state"]), "reason": reason})
