"""What is done about webhooks without being asked: the log followed, old deliveries cleared away, gauges set."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.due import Due
from support_service.kit.eventlog import LogRow
from support_service.kit.ids import first_id_at
from support_service.webhooks import metrics, store
from support_service.webhooks.model import OffReason, body_of

KEPT = timedelta(days=30)
"""How long a delivery is kept, whatever became of it."""

_BATCH = 1_000
_PIECE = 5_000
"""Deliveries that one statement adds."""


class WebhookJobs:
    """The work of the worker, but for the sending."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Deliveries of this database."""
        self._database = database
        self._clock = clock

    async def follow(self, tx: Tx, rows: Sequence[LogRow]) -> None:
        """A follower of the event log: each event becomes a delivery for each subscription that wants it."""
        listeners = await store.listeners(tx)
        outgoing: list[store.Outgoing] = []
        for row in rows if listeners else ():
            body = ""
            for listener in listeners:
                if row.position > listener.from_position and (listener.types is None or row.type in listener.types):
                    body = body or body_of(row)
                    outgoing.append(store.Outgoing(listener.webhook_id, row.event_id, row.type, body))
        now = self._clock.now()
        for begin in range(0, len(outgoing), _PIECE):
            await store.insert_deliveries(tx, outgoing[begin : begin + _PIECE], now)

    async def purge(self, now: datetime) -> None:
        """Delete the deliveries that were kept long enough, in batches."""
        async with self._database.connection() as connection:
            while await store.purge(connection, first_id_at(now - KEPT), _BATCH):
                pass

    async def forget(self, due: Due) -> None:
        """Due work: delete what is left of a webhook that is gone, in batches."""
        async with self._database.connection() as connection:
            while await store.forget(connection, UUID(due.key), _BATCH):
                pass

    async def measure(self, connection: Tx) -> None:
        """Set the gauges."""
        found = await store.states(connection)
        for state in ("active", *OffReason):
            metrics.SUBSCRIPTIONS.labels(state).set(found.get(state, 0))
        metrics.OLDEST_DUE_SECONDS.set(await store.oldest_due_s(connection, self._clock.now()))

    async def health(self, connection: Tx) -> tuple[dict[str, int], float]:
        """How many webhooks are `active`, or off and why; and for how many seconds the oldest delivery has been due."""
        return await store.states(connection), await store.oldest_due_s(connection, self._clock.now())
