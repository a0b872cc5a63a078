"""Webhooks without HTTP of our own: subscriptions, an event log, senders on a clock moved by hand, and real receivers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

from support.clocks import HandClock
from support_service.adapters.receivers import HttpReceivers
from support_service.cases import CaseClosed
from support_service.directory import Principal, Role
from support_service.kit.database import Database
from support_service.kit.eventlog import Follower, Relay, append
from support_service.webhooks import Deliveries, Sender, WebhookJobs, Webhooks
from support_service.webhooks.schemas import (
    DeliveryQuery,
    DeliveryResponse,
    WebhookChange,
    WebhookCreate,
    WebhookWithSecret,
)

LOOPBACK = ip_network("127.0.0.0/8")
SUPERVISOR = Principal(uuid4(), "https://id.example", "s", None, frozenset({Role.SUPERVISOR}), frozenset())
CLOSED = CaseClosed.type_


@dataclass(slots=True)
class Office:
    """Everything between the event log and the receivers."""

    database: Database
    clock: HandClock = field(default_factory=HandClock)
    receivers: HttpReceivers = field(default_factory=lambda: HttpReceivers([LOOPBACK]))

    def __post_init__(self) -> None:
        self.webhooks = Webhooks(self.database, self.receivers, self.clock)
        self.deliveries = Deliveries(self.database, self.clock)
        self.jobs = WebhookJobs(self.database, self.clock)
        self.sender = self.new_sender()

    webhooks: Webhooks = field(init=False)
    deliveries: Deliveries = field(init=False)
    jobs: WebhookJobs = field(init=False)
    sender: Sender = field(init=False)

    def new_sender(self) -> Sender:
        """Another sender, as another process has one; by its chance nothing is spread."""
        return Sender(self.database, self.receivers, self.clock, chance=lambda: 0.0)

    async def subscribe(self, url: str, *types: str) -> WebhookWithSecret:
        """A subscription to these events, or to all."""
        new = WebhookCreate(url=url, types=list(types) or None)
        answer = await self.webhooks.create(SUPERVISOR, new, None)
        return WebhookWithSecret.model_validate_json(answer.body)

    async def log(self, count: int = 1) -> list[UUID]:
        """So many cases are closed; gives the cases."""
        tickets = [uuid4() for _ in range(count)]
        async with self.database.transaction() as tx:
            for ticket_id in tickets:
                event = CaseClosed(ticket_id=ticket_id, closed_at=self.clock.now(), team="orders")
                await append(tx, event, subject=str(ticket_id), sequence=2)
        return tickets

    async def happen(self, count: int = 1) -> list[UUID]:
        """The same, and the log is followed."""
        tickets = await self.log(count)
        await self.follow()
        return tickets

    async def follow(self) -> None:
        """Let the log be stamped and followed to its end."""
        relay, follower = Relay(self.database), Follower(self.database, "webhooks", self.jobs.follow)
        while await relay.step() or await follower.step():
            pass

    async def send(self, *senders: Sender) -> int:
        """Send what is due until nothing is; returns how many attempts that were."""
        count = 0
        while begun := sum([await sender.step() for sender in senders or (self.sender,)]):
            count += begun
            for sender in senders or (self.sender,):
                await sender.settle()
        return count

    async def log_of(self, webhook_id: UUID) -> Sequence[DeliveryResponse]:
        """The deliveries of a subscription, newest first."""
        return (await self.deliveries.page(webhook_id, DeliveryQuery())).items

    async def state_of(self, webhook_id: UUID) -> dict[str, Any]:
        """What its row holds."""
        async with self.database.connection() as connection:
            row = await connection.fetchrow("SELECT * FROM support_webhooks WHERE webhook_id = $1", webhook_id)
        assert row is not None
        return dict(row)

    async def switch(self, webhook_id: UUID, *, on: bool) -> None:
        """Switch a subscription on or off by hand."""
        version = (await self.state_of(webhook_id))["version"]
        await self.webhooks.change(SUPERVISOR, webhook_id, WebhookChange(active=on), version=version)
