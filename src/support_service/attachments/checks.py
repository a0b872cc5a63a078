"""Uploads, checked by one at a time.

An upload is copied first, to where no signed form leads, and what is checked is the copy: whoever uploads something else
meanwhile changes nothing any more.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from support_service.attachments import errors, metrics, store
from support_service.attachments.checking import fault_of
from support_service.attachments.model import Attachment, State, new_object_key
from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database
from support_service.kit.problems import Conflict
from support_service.ports.blobs import BlobNotFound, BlobStore, BlobsUnavailable

_ANSWER_LASTS_S = 45.0
_LEASE = timedelta(seconds=60)
"""Longer than a check may take, so that who holds it is done or dead when it ends."""

_log = logs.get_logger(__name__)


class Checks:
    """Checks of uploads in one store."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock) -> None:
        """Check what is uploaded to this store."""
        self._database = database
        self._blobs = blobs
        self._clock = clock

    async def check(self, attachment: Attachment) -> Attachment:
        """What an upload turns out to be: ready, or rejected.

        Raises:
            NotUploaded: there is nothing to check yet.
            CheckUnderWay: somebody else checks it at this moment.
            AttachmentNotFound: its time was over meanwhile.
            BlobsUnavailable: the store does not answer.
        """
        if await self._blobs.size(attachment.staging_key) is None:
            return await self._checked_by_another(attachment, errors.NotUploaded())
        now = self._clock.now()
        async with self._database.transaction() as tx:
            check = await store.begin_check(tx, attachment.attachment_id, new_object_key(), now=now, until=now + _LEASE)
        if check is None:
            return await self._checked_by_another(attachment, errors.CheckUnderWay(headers={"retry-after": "1"}))
        try:
            concluded = await self._conclude(attachment, check)
        except (BlobNotFound, BlobsUnavailable):
            async with self._database.connection() as connection:
                await store.give_up_check(connection, check)
            raise
        if concluded is None:
            await self._blobs.delete(check.object_key)
            return await self._checked_by_another(attachment, errors.CheckUnderWay(headers={"retry-after": "1"}))
        await self._blobs.delete(attachment.staging_key)
        if concluded.state is State.REJECTED:
            await self._blobs.delete(check.object_key)
        return concluded

    async def _conclude(self, attachment: Attachment, check: store.Check) -> Attachment | None:
        if check.left_behind is not None:
            await self._blobs.delete(check.left_behind)
        await self._blobs.copy(attachment.staging_key, check.object_key)
        reason = await fault_of(self._blobs.read(check.object_key), attachment)
        async with self._database.transaction() as tx:
            concluded = await store.end_check(tx, check, reason)
        if concluded is not None:
            metrics.STATES.labels(concluded.state).inc()
            if reason is None:
                metrics.BYTES.inc(attachment.size)
            else:
                metrics.REJECTED.labels(reason).inc()
            _log.info("attachment.checked", attachment_id=str(attachment.attachment_id), reason=reason)
        return concluded

    async def _checked_by_another(self, attachment: Attachment, otherwise: Conflict) -> Attachment:
        """What another request found out meanwhile.

        Raises:
            NotUploaded, CheckUnderWay: as given, when there is nothing found yet.
        """
        async with self._database.connection() as connection:
            now = await store.attachment(connection, attachment.attachment_id)
        if now is None or now.state is State.DELETED:
            raise errors.AttachmentNotFound
        if now.state is State.REQUESTED:
            raise otherwise
        return now


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Around what asks the store: its failures as answers, and a bound to how long it may take."""
    try:
        async with asyncio.timeout(_ANSWER_LASTS_S):
            yield
    except BlobNotFound as error:
        raise errors.NotUploaded from error
    except (BlobsUnavailable, TimeoutError) as error:
        raise errors.FilesUnavailable from error
