"""All SQL of the case context and the inbox of shop events."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from support_service.context.model import StoredSource, fact_from_json, fact_to_json
from support_service.kit.database import Row, Tx, UniqueViolation
from support_service.kit.sql import load_queries, rows_in
from support_service.sources import Fact, ShopEvent

_SQL = load_queries("support_service.context")
_MOST_EVENTS_OF_CUSTOMER = 1_000
_EVENT_COLUMNS = (
    "entry_id",
    "source",
    "event_id",
    "entity_id",
    "version",
    "order_id",
    "customer_id",
    "kind",
    "occurred_at",
    "data",
    "received_at",
)


async def insert_events(
    tx: Tx, events: Sequence[ShopEvent], received_at: datetime, *, look_first: bool
) -> list[ShopEvent]:
    """Put events into the inbox; returns those that had not been seen, under either of their identities.

    Args:
        tx: the transaction of their effects.
        events: some may be there more than once.
        received_at: when they came.
        look_first: whether some are likely to have been seen. To look costs as much as to store; not to look costs
            a batch that is written in vain when one of it was seen.
    """
    new = _each_once(events)
    if look_first:
        new = await _unseen(tx, new)
    if not new:
        return []
    rows = [_columns(entry_id, event, received_at) for entry_id, event in new.items()]
    try:
        async with tx.transaction():
            await tx.copy_records_to_table("support_timeline_events", columns=_EVENT_COLUMNS, records=rows)
    except UniqueViolation:  # seen, or another was quicker: after a rebalance two consumers may have the same
        return [new[entry_id] for entry_id in await _insert_others(tx, rows)]
    return list(new.values())


def _each_once(events: Sequence[ShopEvent]) -> dict[str, ShopEvent]:
    """The events by their entries' ids, in the order in which every consumer writes them; of several alike the first."""
    by_entry = {event.fact.entry_id: event for event in reversed(events)}
    by_id = {(event.fact.source, event.event_id): entry_id for entry_id, event in by_entry.items()}
    return {entry_id: by_entry[entry_id] for entry_id in sorted(by_id.values())}


async def _unseen(tx: Tx, events: Mapping[str, ShopEvent]) -> dict[str, ShopEvent]:
    told = [(event.fact.source, event.event_id) for event in events.values()]
    rows = await tx.fetch(
        _SQL["seen_events"], list(events), [source for source, _ in told], [event_id for _, event_id in told]
    )
    seen = {row["entry_id"] for row in rows}
    seen_ids = {(row["source"], row["event_id"]) for row in rows}
    return {
        entry_id: event
        for (entry_id, event), identity in zip(events.items(), told, strict=True)
        if entry_id not in seen and identity not in seen_ids
    }


async def _insert_others(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    *ids, data, received_at = (list(column) for column in zip(*rows, strict=True))
    bodies = [to_json(one).decode() for one in data]
    inserted = await tx.fetch(_SQL["insert_events"], *ids, bodies, received_at[0])
    return [row["entry_id"] for row in inserted]


def _columns(entry_id: str, event: ShopEvent, received_at: datetime) -> tuple[Any, ...]:
    source, entity_id, customer_id, order_id, version, kind, occurred_at, data = event.fact
    return (
        entry_id,
        source,
        event.event_id,
        entity_id,
        version,
        order_id,
        customer_id,
        kind,
        occurred_at,
        data,
        received_at,
    )


async def add_facts(tx: Tx, facts: Sequence[tuple[str, Fact]]) -> None:
    """Add (owner, fact) to the contexts of the owner's live cases that are about the fact's order, or about none."""
    await tx.execute(
        _SQL["add_facts"],
        [fact.entry_id for _, fact in facts],
        [fact.source for _, fact in facts],
        [fact.order_id for _, fact in facts],
        [owner for owner, _ in facts],
        [to_json(fact_to_json(fact)).decode() for _, fact in facts],
    )


async def events_of(connection: Tx, order_ids: Iterable[str], customer_id: str | None) -> list[tuple[Fact, datetime]]:
    """The facts in the inbox of these orders, and of this customer when one is named, with when each came."""
    if customer_id is None:
        rows = await connection.fetch(_SQL["events_of_orders"], list(order_ids))
    else:
        rows = await connection.fetch(
            _SQL["events_of_customer"], list(order_ids), customer_id, _MOST_EVENTS_OF_CUSTOMER
        )
    return [(_fact(row), row["received_at"]) for row in rows]


async def put_context(
    tx: Tx,
    ticket_id: UUID,
    source: str,
    *,
    customer_id: str,
    order_id: str | None,
    live: bool,
    stored: StoredSource,
) -> None:
    """Add what a source said to the context of a case; not `live`, it rests from the beginning."""
    facts = {fact.entry_id: fact_to_json(fact) for fact in stored.facts}
    await tx.execute(
        _SQL["put_context"], ticket_id, source, customer_id, order_id, live, facts, stored.served_from, stored.as_of
    )


async def context_of(connection: Tx, customer_id: str, order_id: str | None) -> dict[str, StoredSource]:
    """What is stored of each source for cases about this order, or about none; several cases are put together."""
    found: dict[str, StoredSource] = {}
    for row in await connection.fetch(_SQL["context_of"], customer_id, order_id):
        facts = {entry_id: fact_from_json(body) for entry_id, body in row["facts"].items()}
        known = found.get(row["source"])
        if known is not None:
            facts = {fact.entry_id: fact for fact in known.facts} | facts
        found[row["source"]] = StoredSource(tuple(facts.values()), "context", row["as_of"])
    return found


async def forget_context(tx: Tx, ticket_id: UUID) -> None:
    """Drop the context of a case that is now about another order."""
    await tx.execute(_SQL["forget_context"], ticket_id)


async def rest_context(tx: Tx, ticket_ids: Sequence[UUID]) -> None:
    """Stop keeping the contexts of these cases current."""
    await tx.execute(_SQL["rest_context"], list(ticket_ids))


async def purge_events(connection: Tx, before: datetime, limit: int) -> int:
    """Delete one batch of old events that no live case needs; returns how many."""
    return rows_in(await connection.execute(_SQL["purge_events"], before, limit))


def _fact(row: Row) -> Fact:
    return Fact(
        source=row["source"],
        entity_id=row["entity_id"],
        customer_id=row["customer_id"],
        order_id=row["order_id"],
        version=row["version"],
        kind=row["kind"],
        occurred_at=row["occurred_at"],
        data=row["data"],
    )
