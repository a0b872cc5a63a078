"""What an attachment is, and who sees it: pure rules, no I/O."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

KEPT_UNATTACHED = timedelta(days=1)
"""How long a file is kept that no message holds."""

MOST_UNATTACHED = 100
"""Files of one case that no message holds."""


class State(StrEnum):
    """How far an attachment is."""

    REQUESTED = "requested"
    READY = "ready"
    REJECTED = "rejected"
    DELETED = "deleted"
    """Its time was over before a message held it; the row goes when the file is gone."""


class Reason(StrEnum):
    """Why an upload was rejected."""

    SIZE_DIFFERS = "size_differs"
    TYPE_DIFFERS = "type_differs"
    HASH_DIFFERS = "hash_differs"


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """What may be attached."""

    most_bytes: int
    content_types: Collection[str]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a case; once a message holds it, of whoever sees the case, until then of who asked for it."""

    attachment_id: UUID
    ticket_id: UUID
    requested_by: UUID
    file_name: str
    content_type: str
    size: int
    sha256: str
    state: State
    reason: Reason | None
    staging_key: str
    """Where it is uploaded to."""

    object_key: str | None
    """Where it lies once it was checked: no signed upload leads there."""

    conversation_id: UUID | None
    created_at: datetime

    def is_seen_by(self, principal_id: UUID) -> bool:
        """Whether somebody who sees its case sees this, too."""
        if self.state is State.DELETED:
            return False
        return self.conversation_id is not None or self.requested_by == principal_id


def new_staging_key() -> str:
    """A key to upload to, which nobody can guess."""
    return f"staging/{secrets.token_hex(32)}"


def new_object_key() -> str:
    """A key to keep what was checked under, which nobody can guess."""
    return f"attachments/{secrets.token_hex(32)}"
