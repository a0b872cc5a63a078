"""Subscriptions: made, changed and ended by a supervisor, each time recorded in the transaction that does it."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from support_service.directory import Principal
from support_service.kit import due, eventlog, logs
from support_service.kit.addresses import RefusedAddress
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.idempotency import Answer
from support_service.kit.paging import cut, id_in
from support_service.kit.writes import Once, etag_of, run_once
from support_service.ports.receivers import Receivers
from support_service.webhooks import schemas, store
from support_service.webhooks.errors import TooManyWebhooks, UrlRefused, WebhookChanged, WebhookNotFound
from support_service.webhooks.model import MOST_WEBHOOKS, OVERLAP, OffReason, Webhook
from support_service.webhooks.recording import note
from support_service.webhooks.signing import new_secret

FORGET = "webhooks.forget"
"""Due work: what is left of a webhook that is gone."""

_PATH = "/support/webhooks"
_log = logs.get_logger(__name__)


class Webhooks:
    """The use cases of subscriptions."""

    def __init__(self, database: Database, receivers: Receivers, clock: Clock) -> None:
        """Subscriptions of this database, whose addresses these receivers check."""
        self._database = database
        self._receivers = receivers
        self._clock = clock

    async def create(self, principal: Principal, new: schemas.WebhookCreate, once: Once | None) -> Answer:
        """Make a subscription: 201 with its secret, which is shown this once.

        Raises:
            UrlRefused: nothing is sent there.
            TooManyWebhooks: there are as many as there may be.
        """
        await self._check(new.url)

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            types = None if new.types is None else tuple(new.types)
            wanted = store.NewWebhook(new.url, types, new.description, new_secret())
            now, head = self._clock.now(), await eventlog.head(tx)
            made = await store.insert(
                tx, wanted, by=principal.principal_id, at=now, from_position=head, most=MOST_WEBHOOKS
            )
            if made is None:
                raise TooManyWebhooks
            await note(tx, principal, "webhook.created", made.webhook_id, types=new.types)
            headers = _headers(made) | {"location": f"{_PATH}/{made.webhook_id}"}
            return _with_secret(made, wanted.secret, 201, headers), lambda: _told("webhook.created", made.webhook_id)

        return await run_once(self._database, self._clock, once, effect, kept=_without_secret)

    async def page(self, query: schemas.WebhookQuery) -> schemas.WebhookPage:
        """Subscriptions, newest first."""
        before = None if query.cursor is None else id_in(query.cursor)
        async with self._database.connection() as connection:
            found = await store.webhooks(connection, before=before, limit=query.limit + 1)
        shown, more = cut(found, query.limit, lambda one: one.webhook_id)
        return schemas.WebhookPage(items=tuple(map(schemas.WebhookResponse.of, shown)), next_cursor=more)

    async def read(self, webhook_id: UUID) -> Answer:
        """One subscription.

        Raises:
            WebhookNotFound: there is none.
        """
        async with self._database.connection() as connection:
            found = await store.webhook(connection, webhook_id)
        if found is None:
            raise WebhookNotFound
        return _answer(found)

    async def change(
        self, principal: Principal, webhook_id: UUID, change: schemas.WebhookChange, *, version: int
    ) -> Answer:
        """Change a subscription that is at this version.

        Raises:
            UrlRefused: nothing is sent there.
            WebhookNotFound: there is none.
            WebhookChanged: it is not at this version any more.
        """
        changes = change.changes()
        if "url" in changes:
            await self._check(change.url)
        async with self._database.transaction() as tx:
            known = await store.webhook(tx, webhook_id, lock=True)
            if known is None:
                raise WebhookNotFound
            if known.version != version:
                raise WebhookChanged(version=known.version)
            wanted = replace(known, **changes)  # type: ignore[arg-type]
            fields = sorted(name for name in changes if getattr(wanted, name) != getattr(known, name))
            if not fields:
                return _answer(known)
            if "active" in fields:
                wanted = replace(wanted, off_reason=None if wanted.active else OffReason.BY_HAND)
            saved = await store.save(tx, wanted, self._clock.now(), head=await eventlog.head(tx))
            await note(tx, principal, "webhook.changed", webhook_id, fields=fields)
        _told("webhook.changed", webhook_id, fields=fields)
        return _answer(saved)

    async def delete(self, principal: Principal, webhook_id: UUID) -> None:
        """End a subscription; its deliveries are deleted soon after.

        Raises:
            WebhookNotFound: there is none.
        """
        async with self._database.transaction() as tx:
            if not await store.delete(tx, webhook_id):
                raise WebhookNotFound
            await due.schedule(tx, FORGET, str(webhook_id), self._clock.now())
            await note(tx, principal, "webhook.deleted", webhook_id)
        _told("webhook.deleted", webhook_id)

    async def rotate(self, principal: Principal, webhook_id: UUID, once: Once | None) -> Answer:
        """Give a subscription a new secret, shown this once; the one it had signs beside it for 24 hours.

        Raises:
            WebhookNotFound: there is none.
        """

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            secret, now = new_secret(), self._clock.now()
            rotated = await store.rotate(tx, webhook_id, secret, until=now + OVERLAP, at=now)
            if rotated is None:
                raise WebhookNotFound
            await note(tx, principal, "webhook.secret_rotated", webhook_id)
            answer = _with_secret(rotated, secret, 200, _headers(rotated))
            return answer, lambda: _told("webhook.secret_rotated", webhook_id)

        return await run_once(self._database, self._clock, once, effect, kept=_without_secret)

    async def _check(self, url: str) -> None:
        try:
            await self._receivers.check(url)
        except RefusedAddress as error:
            raise UrlRefused(error.fault) from error


def _headers(webhook: Webhook) -> dict[str, str]:
    return {"etag": etag_of(webhook.version)}


def _answer(webhook: Webhook) -> Answer:
    body = schemas.WebhookResponse.of(webhook).model_dump_json().encode()
    return Answer(200, _headers(webhook), body)


def _with_secret(webhook: Webhook, secret: str, status: int, headers: dict[str, str]) -> Answer:
    body = schemas.WebhookWithSecret.with_secret(webhook, secret).model_dump_json().encode()
    return Answer(status, headers, body)


def _without_secret(answer: Answer) -> Answer:
    """What is kept of an answer for whoever asks again: the secret is not."""
    body = schemas.WebhookWithSecret.model_validate_json(answer.body).model_copy(update={"secret": None})
    return Answer(answer.status, answer.headers, body.model_dump_json().encode())


def _told(event: str, webhook_id: UUID, **ids: object) -> None:
    _log.info(event, webhook_id=str(webhook_id), **ids)
