"""All SQL of the case context and the inbox of shop events."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from support_service.context.model import StoredSource, fact_from_json, fact_to_json
from support_service.kit.database import Row, Tx
from support_service.kit.sql import load_queries
from support_service.sources import Fact, ShopEvent

_SQL = load_queries("support_service.context")
_MOST_EVENTS_OF_CUSTOMER = 1_000


async def insert_events(tx: Tx, events: Sequence[ShopEvent], received_at: datetime) -> set[str]:
    """Put events into the inbox; returns the entry ids of those that had not been seen."""
    facts = [event.fact for event in events]
    rows = await tx.fetch(
        _SQL["insert_events"],
        [fact.entry_id for fact in facts],
        [fact.source for fact in facts],
        [event.event_id for event in events],
        [fact.entity_id for fact in facts],
        [fact.version for fact in facts],
        [fact.order_id for fact in facts],
        [fact.customer_id for fact in facts],
        [fact.kind for fact in facts],
        [fact.occurred_at for fact in facts],
        [json.dumps(fact.data) for fact in facts],
        received_at,
    )
    return {row["entry_id"] for row in rows}


async def add_facts(tx: Tx, facts: Sequence[tuple[str, Fact]]) -> None:
    """Add (owner, fact) to the contexts of the owner's live cases that are about the fact's order, or about none."""
    await tx.execute(
        _SQL["add_facts"],
        [fact.entry_id for _, fact in facts],
        [fact.source for _, fact in facts],
        [fact.order_id for _, fact in facts],
        [owner for owner, _ in facts],
        [json.dumps(fact_to_json(fact)) for _, fact in facts],
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
    tx: Tx, ticket_id: UUID, source: str, *, customer_id: str, order_id: str | None, stored: StoredSource
) -> None:
    """Add what a source said to the context of a case."""
    facts = {fact.entry_id: fact_to_json(fact) for fact in stored.facts}
    await tx.execute(
        _SQL["put_context"], ticket_id, source, customer_id, order_id, facts, stored.served_from, stored.as_of
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
    return int((await connection.execute(_SQL["purge_events"], before, limit)).rpartition(" ")[2])


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
