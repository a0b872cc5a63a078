"""Keeping what is known about a case's customer: shop events as they come, and everything else when a case opens."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from support_service.cases import CaseClosed, CaseFacts, CaseOpened, CaseUpdated, Status, StatusChanged, is_live
from support_service.context import metrics, store
from support_service.context.events import TimelineChanged
from support_service.context.model import StoredSource
from support_service.directory import Directory
from support_service.kit import deadletters, logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database, DatabaseError, Tx, UniqueViolation
from support_service.kit.deadletters import DeadLetter, KeptLetter
from support_service.kit.due import Due, NotYet, hold, schedule, still_due
from support_service.kit.eventlog import LogRow, append_all
from support_service.kit.together import Together
from support_service.ports.events import Record
from support_service.sources import (
    EventReader,
    Fact,
    FetchKey,
    KnownOwners,
    Mappings,
    ReadEvents,
    ShopEvent,
    Sources,
    event_reader,
    subjects,
)

ENRICH = "context.enrich"
"""Kind of the due work that fills the context of a case; its key is the case's id."""

_KEEP_EVENTS = timedelta(days=7)
_SMALL, _PARTS = 4_096, 24
"""Blocks of the inbox (8 KiB each) that are looked through in one go; of more at most this many parts, one an hour."""
_PURGED_AT_ONCE = 256
_MOST_ORDERS_OF_CUSTOMER = 5_000
"""Of whose events a customer's are found."""

_TRIES = 3
_WARY_BATCHES = 20
"""For so many batches after one of which some had been seen, the inbox is looked at before it is written to."""

_DATA_ERRORS = ("22", "23")
"""Classes of SQLSTATE that say the message itself is at fault: data exception, integrity constraint violation."""

_log = logs.get_logger(__name__)

AfterCommit = Callable[[Mapping[str, int]], Awaitable[None]]
"""Told the customers whose truth moved and their new generations, once that is committed."""


class Context:
    """The inbox of shop events and the stored context of cases."""

    def __init__(
        self,
        database: Database,
        sources: Sources,
        directory: Directory,
        clock: Clock,
        *,
        after_commit: AfterCommit,
        mappings: Mappings | None = None,
    ) -> None:
        """Take what ingesting and enriching need; `mappings` say where the fields of events stand that are laid out otherwise."""
        self._database = database
        self._sources = sources
        self._directory = directory
        self._clock = clock
        self._after_commit = after_commit
        self._mappings = mappings or {}
        self._owners = KnownOwners()
        self._wary = 0

    async def ingest(self, records: Sequence[Record]) -> None:
        """Take in shop events: one transaction for the batch, then the hook; the caller then commits its offsets.

        Seen before or out of order changes nothing. What cannot be read goes to the dead letters; when the database
        refuses the batch for its data, each event is tried alone and only the guilty ones go there.
        """
        told = self._read(records)
        letters = [_letter(record, reason, 1) for record, reason in told.refused]
        try:
            generations = await self._take_in(told, letters)
        except DatabaseError as error:
            if not _is_about_data(error):
                raise
            generations = await self._one_by_one(told, letters)
        await self._after_commit(generations)

    async def replay(self, kept: KeptLetter) -> str | None:
        """Take in a dead letter once more: returns the reason why it still cannot be used, None once it is.

        It then is a dead letter no more; its effects are those it would have had, as events are a set.
        """
        letter = kept.letter
        record = Record(
            letter.topic,
            letter.partition,
            letter.position,
            letter.key,
            letter.value,
            tuple(letter.headers),
            kept.received_at.timestamp(),
        )
        told = self._read([record])
        reason = told.refused[0][1] if told.refused else None
        if reason is None:
            try:
                generations = await self._take_in(told, [], replayed=kept.dead_letter_id)
            except DatabaseError as error:
                if not _is_about_data(error):
                    raise
                reason = f"refused-{error.sqlstate}"
            else:
                await self._after_commit(generations)
                return None
        async with self._database.transaction() as tx:
            await deadletters.refused_again(tx, kept.dead_letter_id, reason)
        return reason

    async def _one_by_one(self, told: ReadEvents, letters: list[DeadLetter]) -> dict[str, int]:
        generations: dict[str, int] = {}
        for record, event in zip(told.records, told.events, strict=True):
            for attempt in range(2, _TRIES + 1):
                try:
                    generations |= await self._take_in(ReadEvents([record], [event], []), [])
                    break
                except DatabaseError as error:
                    if not _is_about_data(error):
                        raise
                    if attempt == _TRIES:
                        letters.append(_letter(record, f"refused-{error.sqlstate}", attempt))
        await self._take_in(ReadEvents([], [], []), letters)
        return generations

    @cached_property
    def _read(self) -> EventReader:
        """Made with the first event: not every process takes any in."""
        return event_reader(self._mappings)

    async def _take_in(
        self, told: ReadEvents, letters: Sequence[DeadLetter], *, replayed: UUID | None = None
    ) -> dict[str, int]:
        quickly = partial(store.copy_events, look_first=self._wary > 0)
        try:
            return await self._transact(told, letters, quickly, replayed)
        except UniqueViolation:  # seen, or another was quicker: after a rebalance two consumers may have the same
            return await self._transact(told, letters, store.insert_events, replayed)

    async def _transact(
        self,
        told: ReadEvents,
        letters: Sequence[DeadLetter],
        put: Callable[[Tx, Sequence[ShopEvent]], Awaitable[list[ShopEvent]]],
        replayed: UUID | None,
    ) -> dict[str, int]:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            if replayed is not None:
                await deadletters.used(tx, replayed)
            for letter in letters:
                await deadletters.put(tx, letter, now)
            if not told.events:
                return {}
            new = await put(tx, told.events)
            learnt = await self._owners.learn_from(tx, new)
            generations = await self._effects(tx, new, learnt.owners)
        self._owners.remember(learnt)
        self._wary = _WARY_BATCHES if len(new) < len(told.events) else max(0, self._wary - 1)
        metrics.ingested(told.records, new, now)
        return generations

    async def _effects(self, tx: Tx, events: Sequence[ShopEvent], owners: Mapping[str, str]) -> dict[str, int]:
        """What follows from events not seen before for their orders' owners; locks these first, so contexts need no order."""
        generations = await self._directory.lock_customers(tx, set(owners.values()))
        orders = {order_id for order_id, owner in owners.items() if owner in generations}
        known = [(owners[event.order_id], event.fact) for event in events if event.order_id in orders]
        if not known:
            return {}
        changes = []
        for owner, fact in sorted(known, key=lambda pair: (pair[0], pair[1].entry_id)):
            generations[owner] += 1
            change = TimelineChanged(
                customer_id=owner, order_id=fact.order_id, source=fact.source, entry_id=fact.entry_id
            )
            changes.append((change, owner, generations[owner]))
        together = Together(tx)
        await self._directory.raise_generations(together, generations)
        await store.add_facts(together, known)
        await append_all(together, changes)
        await together.send()
        return generations

    async def follow(self, tx: Tx, rows: Sequence[LogRow]) -> None:
        """Follow the event log: a case that opens, or opens again, is enriched; a closed one rests."""
        for row in rows:
            with logs.bound(ticket_id=row.data.get("ticket_id"), request_id=row.trace, position=row.position):
                await self._follow_row(tx, row)

    async def _follow_row(self, tx: Tx, row: LogRow) -> None:
        now = self._clock.now()
        if row.type == CaseOpened.type_:
            await schedule(tx, ENRICH, row.subject, now, _payload(row))
            _log.info("context.enrichment_due")
        elif row.type == CaseUpdated.type_ and "order_id" in row.data["fields"]:
            # In this order: scheduling waits for an enrichment that is storing what it knows of the order before.
            await schedule(tx, ENRICH, row.subject, now, _payload(row))
            await store.forget_context(tx, UUID(row.subject))
            _log.info("context.enrichment_due")
        elif row.type == CaseClosed.type_:
            await hold(tx, ENRICH, row.subject)  # what an enrichment is storing rests, too; the next one knows
            await store.rest_context(tx, [UUID(row.subject)])
            _log.info("context.rests")
        elif row.type == StatusChanged.type_ and row.data["after"] == Status.OPEN:
            _log.info("context.case_open")

    async def enrich(self, due: Due) -> None:
        """Store what every source says of a case's order, or of its customer's newest ones.

        Stores nothing when the case has been moved to another order meanwhile: that is due on its own.

        Raises:
            NotYet: a source did not answer; what the others said is stored.
        """
        payload = due.payload or {}
        customer_id, order_id = payload["customer_id"], payload["order_id"]
        with logs.bound(ticket_id=due.key, request_id=payload.get("trace")):
            fetched = await self._sources.fetch(FetchKey(customer_id, () if order_id is None else (order_id,)))
            missing = sorted(source for source, state in fetched.states.items() if state.status != "ok")
            async with self._database.transaction() as tx:
                # Locks the customer, as ingesting does: an event is either read here or added to these rows later.
                await self._directory.lock_customers(tx, [customer_id])
                if not await still_due(tx, due):
                    return
                live = await is_live(tx, UUID(due.key))
                came = await self.events_of(tx, fetched.order_ids, customer_id if order_id is None else None)
                for source, state in fetched.states.items():
                    facts = {fact.entry_id: fact for fact, _ in came if fact.source == source}
                    facts |= {fact.entry_id: fact for fact in fetched.facts if fact.source == source}
                    as_of = state.as_of if state.status == "ok" else None
                    stored = StoredSource(tuple(facts.values()), state.served_from, as_of)
                    await store.put_context(
                        tx, UUID(due.key), source, customer_id=customer_id, order_id=order_id, live=live, stored=stored
                    )
            metrics.ENRICHED.labels("complete" if not missing else "partial").inc()
            _log.info("context.enriched", facts=len(fetched.facts), missing=missing, attempts=due.attempts)
            if missing:
                raise NotYet

    async def enrich_again(self, tx: Tx, cases: Sequence[CaseFacts]) -> None:
        """Have the contexts of these cases put together anew, from what came by event and what every source says."""
        now = self._clock.now()
        for case in cases:
            payload = {"customer_id": case.customer_id, "order_id": case.order_id, "trace": None}
            await schedule(tx, ENRICH, str(case.ticket_id), now, payload)

    async def events_of(
        self, connection: Tx, order_ids: Collection[str], customer_id: str | None
    ) -> list[tuple[Fact, datetime]]:
        """The facts that came by event of these orders, and of this customer when named, with when each came."""
        if customer_id is None:
            return await store.events_of_orders(connection, order_ids)
        theirs = await subjects.orders_of(connection, customer_id, _MOST_ORDERS_OF_CUSTOMER)
        return await store.events_of_customer(connection, customer_id, order_ids, theirs)

    async def stored(self, connection: Tx, customer_id: str, order_id: str | None) -> dict[str, StoredSource]:
        """What is stored of each source for cases about this order, or about none."""
        return await store.context_of(connection, customer_id, order_id)

    async def purge(self, now: datetime) -> None:
        """Delete events that are a week old and that no live case needs: all of a small inbox, else its part of this hour."""
        async with self._database.connection() as connection:
            blocks = await store.inbox_blocks(connection)
            parts = min(_PARTS, blocks // _SMALL + 1)
            part = int(now.timestamp()) // 3600 % parts
            end = blocks * (part + 1) // parts
            for first in range(blocks * part // parts, end, _PURGED_AT_ONCE):
                await store.purge_events(connection, now - _KEEP_EVENTS, first, min(first + _PURGED_AT_ONCE, end))


def _letter(record: Record, reason: str, attempts: int) -> DeadLetter:
    return DeadLetter(
        record.topic, record.partition, record.offset, record.key, record.headers, record.value, reason, attempts
    )


def _is_about_data(error: DatabaseError) -> bool:
    return str(error.sqlstate).startswith(_DATA_ERRORS)


def _payload(row: LogRow) -> dict[str, Any]:
    return {"customer_id": row.data["customer_id"], "order_id": row.data["order_id"], "trace": row.trace}
