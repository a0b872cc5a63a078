"""The simulated shop's tables in PostgreSQL: their making, how facts get into them, and how they are read back.

`stock_shop` fills an empty shop with COPY, `copy_facts` adds to one; `add_facts` appends a few facts and their events in one
transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from support_service.demo.events import event_of
from support_service.demo.facts import SHAPES, Customer, ShopFact, Source
from support_service.kit.database import Database, Row, Tx
from support_service.kit.sql import load_queries

SCHEMA = "shop"
TABLES: Mapping[str, str] = {source: f"{SCHEMA}.{shape.table}" for source, shape in SHAPES.items()}
"""Qualified table name of each source: what the sources' SELECTs take their rows from."""

EVENTS_TABLE = f"{SCHEMA}.events"
EVENTS_KEPT = 50_000
"""The table of events holds at most this many; older ones leave."""

SQL = load_queries("support_service.demo")

_CUSTOMER_COLUMNS = ("customer_id", "name", "email", "phone", "language", "city")
_COPY_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Stocked:
    """How much an import or a generation put into the shop."""

    customers: int
    orders: int
    facts: int


async def create_shop(database: Database) -> None:
    """Make the schema `shop` and its tables; nothing happens to what exists."""
    async with database.transaction() as tx:
        await tx.execute(files("support_service.demo").joinpath("schema.sql").read_text(encoding="utf-8"))


async def stocked_with(database: Database) -> str | None:
    """What the shop was stocked with, None when it is empty."""
    async with database.connection() as connection:
        choice: str | None = await connection.fetchval(SQL["stock"])
    return choice


async def stock_shop(
    database: Database, customers: Iterable[Customer], facts: Iterable[ShopFact], *, choice: str, now: datetime
) -> Stocked:
    """Put customers and facts into an empty shop, in one transaction, and note which choice of data they are.

    Writes no events: what was before the start is read from the tables; the feed tells what comes after.
    """
    told = list(facts)
    people = [customer.row() for customer in customers]
    async with database.transaction() as tx:
        await _copy(tx, "customers", _CUSTOMER_COLUMNS, people)
        await copy_facts(tx, told)
        await tx.execute(SQL["note_stock"], choice, now)
    return Stocked(customers=len(people), orders=len({fact.order_id for fact in told}), facts=len(told))


async def copy_facts(tx: Tx, facts: Iterable[ShopFact]) -> None:
    """Put many facts into the tables of their sources, without events; those tables need to be there, no others."""
    rows: dict[Source, list[tuple[object, ...]]] = defaultdict(list)
    for fact in facts:
        rows[fact.source].append(fact.row())
    for source, records in rows.items():
        await _copy(tx, SHAPES[source].table, SHAPES[source].columns, records)
        await tx.execute(f"ANALYZE {TABLES[source]}")


async def _copy(tx: Tx, table: str, columns: Sequence[str], records: Sequence[tuple[object, ...]]) -> None:
    await tx.copy_records_to_table(table, schema_name=SCHEMA, columns=columns, records=records, timeout=_COPY_TIMEOUT_S)


async def lock_feed(tx: Tx) -> None:
    """Make this transaction the only one that appends, until it ends: positions are then committed in their order."""
    await tx.execute(SQL["lock_feed"])


async def add_facts(tx: Tx, facts: Iterable[ShopFact]) -> int:
    """Append facts and their events in the caller's transaction, which holds `lock_feed`.

    Returns:
        The newest position in the table of events, 0 when it has none.
    """
    position = int(await tx.fetchval(SQL["newest_position"]))
    for fact in facts:
        await tx.execute(SQL[f"add_{fact.source}"], *fact.row())
        event = event_of(fact)
        if event is not None:
            position += 1
            await tx.execute(
                SQL["add_event"], position, event.event_id, event.topic, event.key, event.value, event.occurred_at
            )
    await tx.execute(SQL["forget_events"], position - EVENTS_KEPT)
    return position


async def facts_of_orders(tx: Tx, order_ids: Sequence[str]) -> list[ShopFact]:
    """Every fact of these orders, by source, entity and version."""
    facts: list[ShopFact] = []
    for source in SHAPES:
        rows = await tx.fetch(SQL[f"facts_of_{source}"], list(order_ids))
        facts += (_fact(source, row) for row in rows)
    return facts


async def customer_of(tx: Tx, customer_id: str) -> Customer | None:
    """A customer by their id, None when the shop knows nobody under it."""
    row = await tx.fetchrow(SQL["customer"], customer_id)
    return None if row is None else Customer(**dict(row.items()))


def _fact(source: Source, row: Row) -> ShopFact:
    shape = SHAPES[source]
    return ShopFact(
        source=source,
        entity_id=row[shape.id_column],
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        version=row["version"],
        status=row["status"],
        occurred_at=row["occurred_at"],
        time_known=row["time_known"],
        details={name: row[name] for name in shape.details},
    )
