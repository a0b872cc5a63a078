"""All SQL of the case context and the inbox of shop events."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
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


async def insert_events(tx: Tx, events: Sequence[ShopEvent], received_at: datetime) -> list[ShopEvent]:
    """Put events into the inbox; returns those that had not been seen, under either of their identities."""
    new = await _unseen(tx, events)
    if not new:
        return []
    try:
        async with tx.transaction():
            rows = [(*_columns(event), received_at) for event in new]
            await tx.copy_records_to_table("support_timeline_events", columns=_EVENT_COLUMNS, records=rows)
    except (
        UniqueViolation
    ):  # whoever was given them, too, was quicker: after a rebalance two consumers may have the same
        return await _insert_others(tx, new, received_at)
    return new


async def _unseen(tx: Tx, events: Sequence[ShopEvent]) -> list[ShopEvent]:
    """Those events that are not in the inbox, each once, in the order in which every consumer writes them."""
    facts = [event.fact for event in events]
    entries = [fact.entry_id for fact in facts]
    rows = await tx.fetch(
        _SQL["seen_events"], entries, [fact.source for fact in facts], [event.event_id for event in events]
    )
    seen: set[object] = {row["entry_id"] for row in rows} | {(row["source"], row["event_id"]) for row in rows}
    new = []
    for entry_id, event in sorted(zip(entries, events, strict=True), key=itemgetter(0)):
        told = (event.fact.source, event.event_id)
        if entry_id not in seen and told not in seen:
            seen |= {entry_id, told}
            new.append(event)
    return new


async def _insert_others(tx: Tx, events: Sequence[ShopEvent], received_at: datetime) -> list[ShopEvent]:
    columns = zip(*map(_columns, events), strict=True)
    *ids, data = (list(column) for column in columns)
    rows = await tx.fetch(_SQL["insert_events"], *ids, [to_json(one).decode() for one in data], received_at)
    inserted = {row["entry_id"] for row in rows}
    return [event for event in events if event.fact.entry_id in inserted]


def _columns(event: ShopEvent) -> tuple[Any, ...]:
    source, entity_id, customer_id, order_id, version, kind, occurred_at, data = fact = event.fact
    return (
        fact.entry_id,
        source,
        event.event_id,
        entity_id,
        version,
        order_id,
        customer_id,
        kind,
        occurred_at,
        data,
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
