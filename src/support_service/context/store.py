"""All SQL of the case context and the inbox of shop events."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from pydantic_core import to_json

from support_service.context.model import StoredSource, fact_from_json, fact_to_json
from support_service.kit.database import Row, Tx
from support_service.kit.sql import load_queries
from support_service.kit.together import Sends
from support_service.sources import Fact, ShopEvent

_SQL = load_queries("support_service.context")
_MOST_EVENTS_OF_CUSTOMER = 1_000
_ENTRY, _EVENT = attrgetter("order_id", "entry_id"), attrgetter("source", "event_id")
"""The two identities of an event in the inbox."""


async def copy_events(tx: Tx, events: Sequence[ShopEvent], *, look_first: bool) -> list[ShopEvent]:
    """Put events into the inbox; returns those that had not been seen, under either of their identities.

    Args:
        tx: the transaction of their effects.
        events: some may be there more than once.
        look_first: whether some are likely to have been seen. To look costs as much as to store; not to look costs
            a batch that is written in vain when one of it was seen.

    Raises:
        UniqueViolation: one was seen all the same, or another process was quicker: `insert_events` in a transaction anew.
    """
    new = _each_once(events)
    if look_first:
        new = await _unseen(tx, new)
    if new:
        rows = map(tuple, new)  # the client reads a plain tuple faster than one that has names
        await tx.copy_records_to_table("support_timeline_events", columns=ShopEvent._fields, records=rows)
    return new


async def insert_events(tx: Tx, events: Sequence[ShopEvent]) -> list[ShopEvent]:
    """As `copy_events`, at a higher cost, whoever else may be storing the same."""
    mine = _each_once(events)
    *columns, data = map(list, zip(*mine, strict=True))
    inserted = await tx.fetch(_SQL["insert_events"], *columns, [to_json(one).decode() for one in data])
    new = {(row["order_id"], row["entry_id"]) for row in inserted}
    return [event for event in mine if (event.order_id, event.entry_id) in new]


def _each_once(events: Sequence[ShopEvent]) -> list[ShopEvent]:
    """The events in the order in which every consumer writes them; of several alike the first."""
    back = events[::-1]
    entries = dict(zip(map(_ENTRY, back), back, strict=True)).values()
    return sorted(dict(zip(map(_EVENT, entries), entries, strict=True)).values())


async def _unseen(tx: Tx, events: Sequence[ShopEvent]) -> list[ShopEvent]:
    order_ids, entry_ids, sources, event_ids, *_ = map(list, zip(*events, strict=True))
    rows = await tx.fetch(_SQL["seen_events"], order_ids, entry_ids, sources, event_ids)
    seen = {(row["order_id"], row["entry_id"]) for row in rows}
    seen_ids = {(row["source"], row["event_id"]) for row in rows}
    return [
        event
        for event in events
        if (event.order_id, event.entry_id) not in seen and (event.source, event.event_id) not in seen_ids
    ]


async def add_facts(tx: Sends, facts: Sequence[tuple[str, Fact]]) -> None:
    """Add (owner, fact) to the contexts of the owner's live cases that are about the fact's order, or about none."""
    await tx.execute(
        _SQL["add_facts"],
        [fact.entry_id for _, fact in facts],
        [fact.source for _, fact in facts],
        [fact.order_id for _, fact in facts],
        [owner for owner, _ in facts],
        [to_json(fact_to_json(fact)).decode() for _, fact in facts],
    )


async def events_of_orders(connection: Tx, order_ids: Collection[str]) -> list[tuple[Fact, datetime]]:
    """The facts in the inbox of these orders, with when each came."""
    return _facts(await connection.fetch(_SQL["events_of_orders"], list(order_ids)))


async def events_of_customer(
    connection: Tx, customer_id: str, order_ids: Collection[str], their_order_ids: Collection[str]
) -> list[tuple[Fact, datetime]]:
    """The facts in the inbox of these orders, and what those of the others that are the customer's tell of the customer."""
    rows = await connection.fetch(
        _SQL["events_of_customer"], list(order_ids), list(their_order_ids), customer_id, _MOST_EVENTS_OF_CUSTOMER
    )
    return _facts(rows)


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


async def inbox_blocks(connection: Tx) -> int:
    """How many blocks the inbox takes up in the database."""
    return int(await connection.fetchval(_SQL["inbox_blocks"]))


async def purge_events(connection: Tx, before: datetime, first: int, end: int) -> None:
    """Delete old events that no live case needs from some of the inbox's blocks, the last one excluded."""
    await connection.execute(_SQL["purge_events"], before, (first, 0), (end, 0))


def _facts(rows: Iterable[Row]) -> list[tuple[Fact, datetime]]:
    return [(_fact(row), row["received_at"]) for row in rows]


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
