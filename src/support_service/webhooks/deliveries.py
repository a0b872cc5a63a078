"""What was sent to whom: the log of deliveries, tried out and sent once more by a supervisor, each time recorded."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from pydantic import BaseModel

from support_service.directory import Principal
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.idempotency import Answer
from support_service.kit.ids import first_id_at, new_id
from support_service.kit.paging import cut, id_in
from support_service.kit.writes import Effect, Once, run_once
from support_service.webhooks import schemas, store
from support_service.webhooks.errors import DeliveryNotFound, DeliveryUnderWay, WebhookNotFound, WebhookOff
from support_service.webhooks.model import TEST_EVENT, Webhook, envelope
from support_service.webhooks.recording import note

MOST_REPLAYED = 10_000
_ACCEPTED = 202


class Deliveries:
    """The use cases of deliveries."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Deliveries of this database."""
        self._database = database
        self._clock = clock

    async def page(self, webhook_id: UUID, query: schemas.DeliveryQuery) -> schemas.DeliveryPage:
        """Deliveries of a webhook, newest first.

        Raises:
            WebhookNotFound: there is none.
        """
        before = None if query.cursor is None else id_in(query.cursor)
        async with self._database.connection() as connection:
            if await store.webhook(connection, webhook_id) is None:
                raise WebhookNotFound
            found = await store.deliveries(
                connection, webhook_id, status=query.status, before=before, limit=query.limit + 1
            )
        shown, more = cut(found, query.limit, lambda one: one.delivery_id)
        return schemas.DeliveryPage(items=tuple(map(schemas.DeliveryResponse.of, shown)), next_cursor=more)

    async def test(self, principal: Principal, webhook_id: UUID, once: Once | None) -> Answer:
        """Have a test event sent, once: 202 with its delivery.

        Raises:
            WebhookNotFound: there is none.
            WebhookOff: nothing is sent to it.
        """

        async def sent(tx: Tx) -> schemas.DeliveryResponse:
            now = self._clock.now()
            body = envelope(TEST_EVENT, now, {"webhook_id": str(webhook_id)})
            outgoing = store.Outgoing(webhook_id, new_id(), TEST_EVENT, body)
            (delivery_id,) = await store.insert_deliveries(tx, [outgoing], now)
            await note(tx, principal, "webhook.tested", webhook_id, delivery_id=str(delivery_id))
            return await _shown(tx, webhook_id, delivery_id)

        return await run_once(self._database, self._clock, once, self._accepted(webhook_id, sent))

    async def replay(self, principal: Principal, webhook_id: UUID, delivery_id: UUID, once: Once | None) -> Answer:
        """Have a delivery sent again, under the same id, whatever became of it: 202 with it.

        Raises:
            WebhookNotFound, DeliveryNotFound: there is none.
            WebhookOff: nothing is sent to it.
            DeliveryUnderWay: it is being sent at this moment.
        """

        async def begun(tx: Tx) -> schemas.DeliveryResponse:
            replayed = await store.replay(tx, webhook_id, delivery_id, self._clock.now())
            if replayed is None:
                await _shown(tx, webhook_id, delivery_id)
                raise DeliveryUnderWay
            await note(tx, principal, "webhook.replayed", webhook_id, delivery_id=str(delivery_id))
            return schemas.DeliveryResponse.of(replayed)

        return await run_once(self._database, self._clock, once, self._accepted(webhook_id, begun))

    async def replay_failed(
        self, principal: Principal, webhook_id: UUID, wanted: schemas.ReplayRequest, once: Once | None
    ) -> Answer:
        """Have the failed deliveries since a moment sent again, oldest first: 202 with how many.

        Raises:
            WebhookNotFound: there is none.
            WebhookOff: nothing is sent to it.
        """

        async def begun(tx: Tx) -> schemas.ReplayResponse:
            replayed = await store.replay_failed(
                tx,
                webhook_id,
                first=first_id_at(wanted.since),
                besides=TEST_EVENT,
                limit=MOST_REPLAYED,
                at=self._clock.now(),
            )
            await note(tx, principal, "webhook.replayed", webhook_id, deliveries=replayed)
            return schemas.ReplayResponse(replayed=replayed, more=replayed == MOST_REPLAYED)

        return await run_once(self._database, self._clock, once, self._accepted(webhook_id, begun))

    def _accepted(self, webhook_id: UUID, work: Callable[[Tx], Awaitable[BaseModel]]) -> Effect:
        """The effect of asking for something to be sent to a webhook that is switched on."""

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            _must_be_on(await store.webhook(tx, webhook_id))
            body = await work(tx)
            return Answer(_ACCEPTED, {}, body.model_dump_json().encode()), lambda: None

        return effect


def _must_be_on(webhook: Webhook | None) -> None:
    if webhook is None:
        raise WebhookNotFound
    if not webhook.active:
        raise WebhookOff


async def _shown(tx: Tx, webhook_id: UUID, delivery_id: UUID) -> schemas.DeliveryResponse:
    found = await store.delivery(tx, webhook_id, delivery_id)
    if found is None:
        raise DeliveryNotFound
    return schemas.DeliveryResponse.of(found)
