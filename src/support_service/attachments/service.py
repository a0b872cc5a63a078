"""The use cases of attachments: asked for, checked, attached to a message, and fetched."""

from collections.abc import Callable, Sequence
from uuid import UUID

from support_service import activity
from support_service.activity import Denials
from support_service.attachments import errors, metrics, schemas, store
from support_service.attachments.checks import Checks, answering
from support_service.attachments.jobs import SETTLE
from support_service.attachments.kinds import KINDS
from support_service.attachments.model import (
    KEPT_UNATTACHED,
    MOST_UNATTACHED,
    Attachment,
    AttachmentLimits,
    State,
    new_staging_key,
)
from support_service.attachments.names import disposition, ending_of
from support_service.cases import Cases, Message, must_see, watched
from support_service.directory import Principal, Profile
from support_service.kit import due
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.idempotency import Answer
from support_service.kit.writes import Once, run_once
from support_service.ports.blobs import BlobStore, SignedDownload, Upload


class Attachments:
    """Files of cases, for one principal at a time."""

    def __init__(
        self,
        database: Database,
        cases: Cases,
        blobs: BlobStore | None,
        denials: Denials,
        *,
        limits: AttachmentLimits,
        clock: Clock,
    ) -> None:
        """Keep files in a store; without one everything about them is refused, but for showing what messages hold."""
        self._database = database
        self._cases = cases
        self._kept_in = blobs
        self._denials = denials
        self._limits = limits
        self._clock = clock

    async def request(
        self, principal: Principal, ticket_id: UUID, new: schemas.AttachmentCreate, once: Once | None
    ) -> Answer:
        """Ask for a file to be uploaded to a case: 201 with the form to do it by.

        Raises:
            CaseNotFound: there is none, or none in this principal's sight.
            AttachmentTooLarge, ContentTypeRefused, FileNameRefused: it is not accepted.
            TooManyAttachments: the case has too many that no message holds.
        """
        self._must_be_acceptable(new)
        signed = _blobs(self._kept_in)

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            must_see(principal, await self._cases.facts(tx, ticket_id))
            now = self._clock.now()
            wanted = store.NewAttachment(**new.model_dump(), staging_key=new_staging_key())
            made = await store.insert(tx, ticket_id, wanted, by=principal.principal_id, at=now, most=MOST_UNATTACHED)
            if made is None:
                raise errors.TooManyAttachments
            await due.schedule(tx, SETTLE, str(made.attachment_id), now + KEPT_UNATTACHED)
            await _note(tx, principal, "attachment.requested", made)
            body = schemas.AttachmentRequested.with_upload(made, None)
            headers = {"location": f"/support/cases/{ticket_id}/attachments/{made.attachment_id}"}
            return Answer(201, headers, body.model_dump_json().encode()), lambda: metrics.STATES.labels(
                State.REQUESTED
            ).inc()

        answer = await watched(self._denials, principal, run_once(self._database, self._clock, once, effect))
        return await self._with_upload(answer, signed)

    async def complete(self, principal: Principal, ticket_id: UUID, attachment_id: UUID) -> schemas.AttachmentResponse:
        """Check what was uploaded; what was checked already is given as it is.

        Raises:
            CaseNotFound, AttachmentNotFound: there is none, or none in this principal's sight.
            NotUploaded: there is nothing to check yet.
            CheckUnderWay: it is being checked at this moment.
        """
        blobs = _blobs(self._kept_in)
        found = await self._seen(principal, ticket_id, attachment_id)
        if found.state is State.REQUESTED:
            async with answering():
                found = await Checks(self._database, blobs, self._clock).check(found)
        return schemas.AttachmentResponse.of(found, principal.profile)

    async def read(self, principal: Principal, ticket_id: UUID, attachment_id: UUID) -> schemas.AttachmentDetail:
        """An attachment, and where to fetch it: that it was given out is on record first.

        Raises:
            CaseNotFound, AttachmentNotFound: there is none, or none in this principal's sight.
        """
        blobs = _blobs(self._kept_in)
        found = await self._seen(principal, ticket_id, attachment_id)
        signed: SignedDownload | None = None
        if found.state is State.READY and found.object_key and principal.profile is Profile.CLEAR:
            async with self._database.transaction() as tx:
                await _note(tx, principal, "attachment.downloaded", found)
            async with answering():
                signed = await blobs.sign_download(
                    found.object_key, content_type=found.content_type, disposition=disposition(found.file_name)
                )
        return schemas.AttachmentDetail.with_download(found, principal.profile, signed)

    async def attach(
        self, tx: Tx, principal: Principal, ticket_id: UUID, message: Message, attachment_ids: Sequence[UUID]
    ) -> tuple[Message, tuple[schemas.AttachedFile, ...]]:
        """Have a message hold files, in the transaction that posts it; gives both as they are shown then.

        Args:
            tx: that transaction.
            principal: who posts it.
            ticket_id: the case that the files were uploaded to; the message may stand in one that goes on from it.
            message: just posted.
            attachment_ids: the files, in order.

        Raises:
            AttachmentsUnusable: one of them is not ready, not this principal's, of another case, or held already.
        """
        if not attachment_ids:
            return message, ()
        blobs = _blobs(self._kept_in)
        known = await store.lock(tx, attachment_ids)
        found = [known[each] for each in attachment_ids if each in known]
        usable = [each for each in found if _may_be_attached(each, principal, ticket_id)]
        if len(usable) != len(attachment_ids):
            refused = [str(each) for each in attachment_ids if each not in {one.attachment_id for one in usable}]
            raise errors.AttachmentsUnusable(attachment_ids=refused)
        await store.attach(tx, attachment_ids, ticket_id=message.ticket_id, conversation_id=message.conversation_id)
        for each in usable:
            await _note(tx, principal, "attachment.attached", each, conversation_id=str(message.conversation_id))
        holding = await self._cases.set_attachment_uri(tx, message, blobs.uri(usable[0].object_key or ""))
        return holding, _shown(usable, principal.profile)

    async def of_messages(
        self, connection: Tx, messages: Sequence[Message], profile: Profile
    ) -> dict[UUID, tuple[schemas.AttachedFile, ...]]:
        """The files that these messages hold, as a reader of this profile sees them; asks nobody when none holds any."""
        holding = [message.conversation_id for message in messages if message.attachment_uri is not None]
        found = await store.of_messages(connection, holding) if holding else {}
        return {each: _shown(attached, profile) for each, attached in found.items()}

    def _must_be_acceptable(self, new: schemas.AttachmentCreate) -> None:
        if new.content_type not in self._limits.content_types:
            raise errors.ContentTypeRefused(content_types=sorted(self._limits.content_types))
        if ending_of(new.file_name) not in KINDS[new.content_type].endings:
            raise errors.FileNameRefused(endings=list(KINDS[new.content_type].endings))
        if new.size > self._limits.most_bytes:
            raise errors.AttachmentTooLarge(most_bytes=self._limits.most_bytes)

    async def _seen(self, principal: Principal, ticket_id: UUID, attachment_id: UUID) -> Attachment:
        async def found() -> Attachment | None:
            async with self._database.connection() as connection:
                must_see(principal, await self._cases.facts(connection, ticket_id))
                return await store.attachment(connection, attachment_id)

        attachment = await watched(self._denials, principal, found())
        if attachment is None or attachment.ticket_id != ticket_id or not attachment.is_seen_by(principal.principal_id):
            raise errors.AttachmentNotFound
        return attachment

    async def _with_upload(self, answer: Answer, blobs: BlobStore) -> Answer:
        """The answer with a form signed now: one that was signed for an earlier request may have expired."""
        told = schemas.AttachmentRequested.model_validate_json(answer.body)
        async with self._database.connection() as connection:
            made = await store.attachment(connection, told.attachment_id)
        if made is None or made.state is not State.REQUESTED:
            return answer
        async with answering():
            signed = await blobs.sign_upload(Upload(made.staging_key, made.content_type, made.size, made.size))
        body = schemas.AttachmentRequested.with_upload(made, signed)
        return Answer(answer.status, answer.headers, body.model_dump_json().encode())


def _blobs(kept_in: BlobStore | None) -> BlobStore:
    if kept_in is None:
        raise errors.AttachmentsNotSetUp
    return kept_in


def _may_be_attached(attachment: Attachment, principal: Principal, ticket_id: UUID) -> bool:
    return (
        attachment.ticket_id == ticket_id
        and attachment.state is State.READY
        and attachment.conversation_id is None
        and attachment.requested_by == principal.principal_id
    )


def _shown(attached: Sequence[Attachment], profile: Profile) -> tuple[schemas.AttachedFile, ...]:
    return tuple(schemas.AttachedFile.of(each, profile) for each in attached)


async def _note(tx: Tx, principal: Principal, action: str, attachment: Attachment, **detail: object) -> None:
    await activity.record(
        tx,
        agent_id=principal.principal_id,
        action=action,
        ticket_id=attachment.ticket_id,
        detail={"attachment_id": str(attachment.attachment_id), **detail},
    )
