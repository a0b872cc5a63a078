"""Stored shop events by the million, in tables that take turns at being `support_timeline_events`.

So runs on few and on many events alternate, on one running service. The rows are other customers' and other orders', three
versions of four sources to an order, three orders to a customer, received within the last six days, as real ones would be;
the cases' own events are among them. The tables are not logged and leave with the bed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date

from bench.bed import Bed
from bench.shop import facts_of
from support_service.demo.facts import ShopFact
from support_service.kit.database import Tx

SIZES = {"10k": 10_000, "1m": 1_000_000, "10m": 10_000_000}
_TABLE = "support_timeline_events"
_AT_ONCE = 500_000
_FILL = """
    INSERT INTO {table} (order_id, source, entity_id, version, event_id, customer_id, occurred_at, data, received_at)
    SELECT 'other-' || n / 12, source, 'other-' || n / 12, version, n, 'c-other-' || n / 36, at,
        '{{"status": "approved", "items": 2, "amount_minor": 1299000, "currency": "VND", "estimated_delivery": null, "time_known": true}}', at
    FROM (
        SELECT n, (ARRAY['order', 'payment', 'shipment', 'fraud'])[n % 4 + 1] AS source, n / 4 % 3 + 1 AS version,
            now() - interval '6 days' * (1 - n / {rows}::float8) AS at
        FROM generate_series({first}, {last}) AS n
    ) AS made
"""
_OWN = """
    INSERT INTO {table} (order_id, source, entity_id, version, event_id, customer_id, occurred_at, data, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
"""


class StoredEvents:
    """The tables, of which one is in use."""

    def __init__(self, bed: Bed) -> None:
        """None is made yet."""
        self._bed = bed
        self._in_use = "first"

    async def fill(self, size: str, own: Sequence[tuple[str, int]]) -> None:
        """Make the table of a size, with the events of the cases' own (order, how many facts) in it."""
        table, rows = f"stored_{size}", SIZES[size]
        async with self._bed.owner.connection() as connection:
            await connection.execute(f"CREATE UNLOGGED TABLE {table} (LIKE {_TABLE} INCLUDING DEFAULTS)")
        firsts = iter(range(1, rows + 1, _AT_ONCE))
        await asyncio.gather(*(self._pour(table, rows, firsts) for _ in range(2)))
        async with self._bed.owner.connection() as connection:
            await connection.executemany(
                _OWN.format(table=table),
                [_row(fact) for order_id, count in own for fact in facts_of(order_id, count) if _told(fact)],
            )
            await self._finish(connection, table)

    async def use(self, size: str) -> None:
        """Let the service find this table from its next statement on."""
        if size == self._in_use:
            return
        async with self._bed.owner.transaction() as tx:
            await tx.execute(f"ALTER TABLE {_TABLE} RENAME TO stored_{self._in_use}")
            await tx.execute(f"ALTER TABLE stored_{size} RENAME TO {_TABLE}")
        self._in_use = size

    async def _pour(self, table: str, rows: int, firsts: Iterator[int]) -> None:
        for first in firsts:  # shared by those who pour at once
            last = min(first + _AT_ONCE - 1, rows)
            async with self._bed.owner.connection() as connection:
                await connection.execute(_FILL.format(table=table, rows=rows, first=first, last=last))

    async def _finish(self, connection: Tx, table: str) -> None:
        """The same indexes and rights as the table that it stands in for."""
        await connection.execute("SET maintenance_work_mem = '1GB'")
        for row in await connection.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1", _TABLE):
            text = str(row["indexdef"]).replace(f" {row['indexname']} ", f" {table}_{row['indexname']} ")
            await connection.execute(text.replace(f" public.{_TABLE} ", f" {table} "))
        for row in await connection.fetch(
            "SELECT grantee, string_agg(privilege_type, ', ') AS rights FROM information_schema.role_table_grants"
            " WHERE table_name = $1 GROUP BY grantee",
            _TABLE,
        ):
            await connection.execute(f'GRANT {row["rights"]} ON {table} TO "{row["grantee"]}"')
        await connection.execute(f"VACUUM (ANALYZE) {table}")


def _told(fact: ShopFact) -> bool:
    """Whether the shop tells of it by event."""
    return fact.source != "feedback" and (fact.source != "payment" or fact.status == "authorized")


def _row(fact: ShopFact) -> tuple[object, ...]:
    details = {name: value.isoformat() if isinstance(value, date) else value for name, value in fact.details.items()}
    return (
        fact.order_id,
        fact.source,
        fact.entity_id,
        fact.version,
        f"{fact.source}-{fact.entity_id}-{fact.version}",
        fact.customer_id,
        fact.occurred_at,
        {"status": fact.status, **details, "time_known": fact.time_known},
    )
