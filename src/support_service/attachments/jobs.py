"""What is done about attachments without being asked: what no message came to hold is deleted."""

from uuid import UUID

from support_service.attachments import errors, metrics, store
from support_service.attachments.model import State
from support_service.kit.database import Database
from support_service.kit.due import Due
from support_service.ports.blobs import BlobStore

SETTLE = "attachments.settle"
"""Due work, a day after an attachment was asked for: nothing is uploaded any more, and what no message holds is deleted."""


class AttachmentJobs:
    """The work of the worker."""

    def __init__(self, database: Database, blobs: BlobStore | None) -> None:
        """Attachments of this database, whose files are in this store."""
        self._database = database
        self._blobs = blobs

    async def settle(self, work: Due) -> None:
        """Due work: delete what was uploaded and, unless a message holds it, the file and all that is known of it."""
        attachment_id = UUID(work.key)
        async with self._database.transaction() as tx:
            found = (await store.lock(tx, [attachment_id])).get(attachment_id)
            unattached = await store.mark_deleted(tx, attachment_id)
        if found is None:
            return
        if self._blobs is None:
            raise errors.AttachmentsNotSetUp
        await self._blobs.delete(found.staging_key)
        if not unattached:
            return
        if found.object_key is not None:
            await self._blobs.delete(found.object_key)
        async with self._database.connection() as connection:
            await store.delete(connection, attachment_id)
        metrics.STATES.labels(State.DELETED).inc()
