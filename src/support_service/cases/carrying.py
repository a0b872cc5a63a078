"""Bringing replies to the customer: what the carriers of cases ask for, and what they report. In the caller's transaction."""

from dataclasses import replace
from uuid import UUID

from support_service import activity
from support_service.cases import delivery_store, errors, events, metrics, store
from support_service.cases.delivery import AHEAD, Delivery, DeliveryState, Parcel
from support_service.cases.model import Status, Ticket
from support_service.cases.service import log_status, must_see
from support_service.directory import Principal
from support_service.kit.clock import Clock
from support_service.kit.database import Tx
from support_service.kit.eventlog import append

_THOUGHT_DONE = frozenset({Status.PENDING, Status.RESOLVED})
"""Where a case waits for nothing but the customer, who was never answered if the reply failed."""


class Carrying:
    """The deliveries of replies, for the machine clients that opened their cases."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock that reports are held against."""
        self._clock = clock

    async def parcels(
        self, connection: Tx, principal: Principal, state: DeliveryState, *, after: UUID | None, limit: int
    ) -> list[Parcel]:
        """The replies in this state of the cases that the principal opened, oldest first."""
        return await delivery_store.parcels(connection, principal.principal_id, state, after=after, limit=limit)

    async def report(
        self, tx: Tx, principal: Principal, ticket_id: UUID, conversation_id: UUID, report: Delivery
    ) -> tuple[Delivery, bool]:
        """How a delivery stands after a report, and whether that changed it: see `Delivery.rank`.

        A reply that turns out to have failed opens a case again that waits for the customer or is resolved, and its
        customer waits again, unless a later reply reached them. What a report changes beside that is no change of the
        case: neither its version nor `updated_at` moves.

        Raises:
            CaseNotFound: there is none, or none in this principal's sight.
            ReplyNotFound: it is no reply of this case, or nobody delivers it.
            ReportFromTheFuture: it tells of a time that is still to come.
        """
        if report.reported_at is not None and report.reported_at > self._clock.now() + AHEAD:
            raise errors.ReportFromTheFuture
        ticket = await store.ticket(tx, ticket_id, lock=True)
        if ticket is None:
            raise errors.CaseNotFound
        must_see(principal, ticket.facts)
        found = await delivery_store.delivery(tx, ticket_id, conversation_id)
        if found is None:
            raise errors.ReplyNotFound
        number, before = found
        if not before.gives_way_to(report):
            return before, False
        await delivery_store.save(tx, conversation_id, report)
        saved = await self._moved(tx, ticket, before, report)
        if (before.state, before.reason) != (report.state, report.reason):
            await self._log(tx, saved, conversation_id, number, report)
        if ticket.status is not saved.status:
            await log_status(tx, ticket.status, saved)
        await activity.record(
            tx,
            agent_id=principal.principal_id,
            action="delivery.reported",
            ticket_id=ticket_id,
            detail={"conversation_id": str(conversation_id), "state": report.state},
        )
        return replace(report, provider_id=report.provider_id or before.provider_id), True

    async def measure(self, connection: Tx) -> None:
        """Set the gauge of the longest wait for a carrier."""
        since = await delivery_store.queued_longest(connection)
        waited = 0.0 if since is None else (self._clock.now() - since).total_seconds()
        metrics.QUEUED_SECONDS.set(max(0.0, waited))

    async def _moved(self, tx: Tx, ticket: Ticket, before: Delivery, report: Delivery) -> Ticket:
        """The locked case after a report: changed where a failure came or went, else only shown anew."""
        after = ticket
        failed = report.state is DeliveryState.FAILED
        if failed is not (before.state is DeliveryState.FAILED) and ticket.status is not Status.CLOSED:
            after = replace(ticket, awaiting_since=await delivery_store.unanswered_since(tx, ticket.ticket_id))
            if failed and ticket.status in _THOUGHT_DONE:
                after = replace(after, status=Status.OPEN, resolved_at=None)
        if after != ticket:
            return await store.save(tx, after, self._clock.now())
        await delivery_store.count_report(tx, ticket.ticket_id)
        return ticket

    async def _log(self, tx: Tx, ticket: Ticket, conversation_id: UUID, number: int, report: Delivery) -> None:
        assert report.reported_at is not None  # noqa: S101 - every report has its time
        changed = events.DeliveryChanged(
            ticket_id=ticket.ticket_id,
            conversation_id=conversation_id,
            number=number,
            state=report.state,
            reason=report.reason,
            reported_at=report.reported_at,
            assignee=ticket.assignee,
            team=ticket.team,
        )
        await append(tx, changed, subject=str(ticket.ticket_id), sequence=ticket.version)
