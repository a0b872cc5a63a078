"""What was uploaded, held against what was declared."""

from collections.abc import AsyncIterator
from hashlib import sha256

from support_service.attachments.kinds import FIRST_BYTES, KINDS
from support_service.attachments.model import Attachment, Reason


async def fault_of(pieces: AsyncIterator[bytes], declared: Attachment) -> Reason | None:
    """Why a file is not what was declared; None when it is. It is read once, and never held whole.

    Args:
        pieces: the file; the first piece is at least as long as what tells its kind, if the file is.
        declared: what was said of it.
    """
    digest, size, fits = sha256(), 0, False
    async for piece in pieces:
        if size == 0:
            fits = KINDS[declared.content_type].begins(piece[:FIRST_BYTES])
        digest.update(piece)
        size += len(piece)
        if size > declared.size:
            break
    if size != declared.size:
        return Reason.SIZE_DIFFERS
    if not fits:
        return Reason.TYPE_DIFFERS
    return None if digest.hexdigest() == declared.sha256 else Reason.HASH_DIFFERS
