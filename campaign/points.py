"""The worker, dying at a point: `CAMPAIGN_KILL=<point>:<n> python -m campaign.points`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from campaign.death import Death, begins, lay_around_transactions, under_way
from support_service.adapters.kafka import KafkaEvents, KafkaPublisher
from support_service.adapters.receivers import HttpReceivers
from support_service.context import Context
from support_service.entrypoints import worker
from support_service.kit import due as due_work
from support_service.kit.database import Database, Tx
from support_service.kit.due import Due
from support_service.kit.eventlog import Follower, Handle, LogRow, Relay
from support_service.ports.events import Record
from support_service.ports.publisher import OutgoingEvent
from support_service.ports.receivers import Reply
from support_service.sources import Fetched, FetchKey, Sources
from support_service.webhooks import Sender, model, sending


def _around_commit(*parts: str) -> tuple[str, ...]:
    return tuple(f"{part}.{moment}" for part in parts for moment in ("before_commit", "after_commit"))


POINTS = (
    "intake.polled",
    *_around_commit("intake", "relay", "context", "waiting", "kafka"),
    "intake.before_offsets",
    "intake.after_offsets",
    "kafka.published",
)
"""Of shop events: around the transaction of each part; after records are polled, around their offsets, after a batch is with
the broker."""

CASE_POINTS = (
    *_around_commit("relay", "context", "waiting", "webhooks", "enrichment", "claim", "delivery"),
    "enrichment.fetched",
    "delivery.posted",
)
"""Of cases: around the transaction of each part; after the sources have answered, after a receiver has taken a post.

After an enrichment's commit its due row is still there, after a claim's nothing is posted yet.
"""

LEASE = timedelta(seconds=8)
"""Of what the worker claims: what one that died had claimed comes due again while the campaign goes on."""


def lay(death: Death) -> None:
    """Lay the points around the worker's parts."""
    lay_around_transactions(death)
    _around_the_log()
    _around_intake(death)
    _around_enrichment(death)
    _around_webhooks(death)


def _around_the_log() -> None:
    step, follow = Relay.step, Follower.__init__

    async def stepped(self: Relay) -> int:
        begins("relay")
        return await step(self)

    def following(self: Follower, database: Database, name: str, handle: Handle, **options: Any) -> None:
        async def handled(tx: Tx, rows: Sequence[LogRow]) -> None:
            begins(name)
            await handle(tx, rows)

        follow(self, database, name, handled, **options)

    Relay.step = stepped  # type: ignore[method-assign]
    Follower.__init__ = following  # type: ignore[method-assign]


def _around_intake(death: Death) -> None:
    take_in = Context._take_in  # noqa: SLF001
    poll, commit, publish = KafkaEvents.poll, KafkaEvents.commit, KafkaPublisher.publish

    async def taken_in(self: Context, *events: object, **options: object) -> dict[str, int]:
        begins("intake")
        return await take_in(self, *events, **options)  # type: ignore[arg-type] # as it was called

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

    Context._take_in = taken_in  # type: ignore[method-assign] # noqa: SLF001
    KafkaEvents.poll = polled  # type: ignore[method-assign]
    KafkaEvents.commit = committed  # type: ignore[method-assign]
    KafkaPublisher.publish = published  # type: ignore[method-assign]


def _around_enrichment(death: Death) -> None:
    enrich, fetch = Context.enrich, Sources.fetch

    async def enriched(self: Context, due: Due) -> None:
        begins("enrichment")
        await enrich(self, due)

    async def fetched(self: Sources, key: FetchKey, *, patient: bool = False) -> Fetched:
        found = await fetch(self, key, patient=patient)
        death.at("enrichment.fetched" if under_way("enrichment") else None)
        return found

    Context.enrich = enriched  # type: ignore[method-assign]
    Sources.fetch = fetched  # type: ignore[method-assign]


def _around_webhooks(death: Death) -> None:
    step, post, record = Sender.step, HttpReceivers.post, Sender._record  # noqa: SLF001

    async def stepped(self: Sender) -> int:
        begins("claim")
        return await step(self)

    async def posted(self: HttpReceivers, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        reply = await post(self, url, headers, body)
        death.at("delivery.posted")
        return reply

    async def recorded(self: Sender, *outcome: object) -> None:
        begins("delivery")
        await record(self, *outcome)  # type: ignore[arg-type] # as it was called

    Sender.step = stepped  # type: ignore[method-assign]
    HttpReceivers.post = posted  # type: ignore[method-assign]
    Sender._record = recorded  # type: ignore[assignment, method-assign] # noqa: SLF001


if __name__ == "__main__":
    due_work._LEASE = sending.LEASE = LEASE  # noqa: SLF001
    model.PAUSES_S = (5,) * len(model.PAUSES_S)  # type: ignore[assignment] # the second is five minutes, and a death counts as an attempt
    lay(Death.ordered())
    worker.main()
