"""All SQL of the case context and the inbox of shop events."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from support_service.context.model import StoredSource, fact_from_json, fact_to_json
from support_service.kit.database import Row, Tx
from support_service.kit.sql import load_queries
from support_service.kit.together import Sends
from support_service.sources import Fact, ShopEvent

_SQL = load_queries("support_service.context")
_MOST_EVENTS_OF_CUSTOMER = 1_000
_IDENTITY = itemgetter(slice(4))
"""What an event is known by, of its columns: order, source, entity and version."""
_COLUMNS = itemgetter(slice(None))
"""An event's columns without their names: the client reads a plain tuple faster than one that has some."""


async def copy_events(tx: Tx, events: Sequence[ShopEvent], *, look_first: bool) -> list[ShopEvent]:
    """Put events into the inbox; returns those that had not been seen.

    Args:
        tx: the transaction of their effects.
        events: some may be there more than once.
        look_first: whether some are likely to have been seen, or to be there more than once. To look costs as much as to
            store; not to look costs a batch that is written in vain when it would have found one.

    Raises:
        UniqueViolation: one was found all the same, or another process was quicker: `insert_events` in a transaction anew.
    """
    if look_first:
        once = _each_once(events)
        seen = await _identities(tx, "seen_events", *zip(*map(_IDENTITY, once), strict=True))
        new = [event for event in once if _IDENTITY(event) not in seen]
    else:
        new = sorted(events, key=_IDENTITY)
    if new:
        rows = map(_COLUMNS, new)
        await tx.copy_records_to_table("support_timeline_events", columns=ShopEvent._fields, records=rows)
    return new


async def insert_events(tx: Tx, events: Sequence[ShopEvent]) -> list[ShopEvent]:
    """As `copy_events`, at a higher cost, whoever else may be storing the same."""
    mine = _each_once(events)
    *columns, data = zip(*mine, strict=True)
    inserted = await _identities(tx, "insert_events", *columns, [to_json(one).decode() for one in data])
    return [event for event in mine if _IDENTITY(event) in inserted]


def _each_once(events: Sequence[ShopEvent]) -> list[ShopEvent]:
    """The events in the order in which every consumer writes them; of several alike the first."""
    back = events[::-1]
    return sorted(dict(zip(map(_IDENTITY, back), back, strict=True)).values())


async def _identities(tx: Tx, name: str, *columns: Sequence[Any]) -> set[tuple[Any, ...]]:
    """What a statement about events answers, given them column by column."""
    return set(map(tuple, await tx.fetch(_SQL[name], *columns)))


async def add_facts(tx: Sends, facts: Sequence[tuple[str, Fact]]) -> None:
    """Add (owner, fact) to the contexts of the owner's live cases that are about the fact's order, or about none."""
    rows = [{"owner": owner, "entry_id": fact.entry_id, "body": fact_to_json(fact)} for owner, fact in facts]
    await tx.execute(_SQL["add_facts"], rows)


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
    return [(ShopEvent(*told).fact, received_at) for *told, received_at in rows]
