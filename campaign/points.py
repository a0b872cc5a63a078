"""The worker, dying by `kill -9` at a point that is named: `CAMPAIGN_KILL=<point>:<n> python -m campaign.points`.

At its n-th coming there. The points are laid around what the product does, which knows nothing of them.
"""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar

from support_service.adapters.kafka import KafkaEvents, KafkaPublisher
from support_service.context import Context
from support_service.entrypoints import worker
from support_service.kit.database import Database, Tx
from support_service.kit.eventlog import Follower, Handle, LogRow, Relay
from support_service.ports.events import Record
from support_service.ports.publisher import OutgoingEvent

KILL = "CAMPAIGN_KILL"
_PARTS = ("intake", "relay", "context", "waiting", "kafka")
POINTS = (
    "intake.polled",
    *(f"{part}.{moment}" for part in _PARTS for moment in ("before_commit", "after_commit")),
    "intake.before_offsets",
    "intake.after_offsets",
    "kafka.published",
)
"""Around the transaction of each part; after records are polled, around their offsets, after a batch is with the broker."""

_part: ContextVar[str | None] = ContextVar("part", default=None)
"""Whose transaction is under way in this task."""


class Death:
    """Waits at one point."""

    def __init__(self, order: str) -> None:
        """Die at `<point>:<n>`; never when it is empty."""
        self._point, _, times = order.partition(":")
        self._left = int(times or 0)

    def at(self, point: str | None) -> None:
        """This point is reached."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def lay(death: Death) -> None:
    """Lay the points around the product's parts."""
    _around_transactions(death)
    _around_kafka(death)


def _around_transactions(death: Death) -> None:
    begin, take_in, step, follow = Database.transaction, Context._take_in, Relay.step, Follower.__init__  # noqa: SLF001

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncIterator[Tx]:
        async with begin(self) as tx:
            yield tx
            part = _part.get()
            death.at(part and f"{part}.before_commit")
        death.at(part and f"{part}.after_commit")

    async def taken_in(self: Context, *events: object, **options: object) -> dict[str, int]:
        _part.set("intake")
        return await take_in(self, *events, **options)  # type: ignore[arg-type] # as it was called

    async def stepped(self: Relay) -> int:
        _part.set("relay")
        return await step(self)

    def following(self: Follower, database: Database, name: str, handle: Handle) -> None:
        async def handled(tx: Tx, rows: Sequence[LogRow]) -> None:
            _part.set(name)
            await handle(tx, rows)

        follow(self, database, name, handled)

    Database.transaction = transaction  # type: ignore[method-assign]
    Context._take_in = taken_in  # type: ignore[method-assign] # noqa: SLF001
    Relay.step = stepped  # type: ignore[method-assign]
    Follower.__init__ = following  # type: ignore[method-assign]


def _around_kafka(death: Death) -> None:
    poll, commit, publish = KafkaEvents.poll, KafkaEvents.commit, KafkaPublisher.publish

    async def polled(self: KafkaEvents, *, max_records: int, timeout_s: float) -> list[Record]:
        records = await poll(self, max_records=max_records, timeout_s=timeout_s)
        death.at("intake.polled" if records else None)
        return records

    async def committed(self: KafkaEvents) -> None:
        death.at("intake.before_offsets")
        await commit(self)
        death.at("intake.after_offsets")

    async def published(self: KafkaPublisher, events: Sequence[OutgoingEvent]) -> None:
        await publish(self, events)
        death.at("kafka.published")

    KafkaEvents.poll = polled  # type: ignore[method-assign]
    KafkaEvents.commit = committed  # type: ignore[method-assign]
    KafkaPublisher.publish = published  # type: ignore[method-assign]


if __name__ == "__main__":
    lay(Death(os.environ.get(KILL, "")))
    worker.main()
