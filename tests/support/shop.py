"""A shop of one's own for a test: its tables with chosen facts, the timeline view, its events and its REST services."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import uvicorn

from support_service.demo.events import ShopEvent
from support_service.demo.facts import ShopFact, Source, Value
from support_service.demo.rest import create_rest_app
from support_service.demo.tables import TABLES, add_facts, create_shop, lock_feed
from support_service.kit.database import Database
from support_service.ports.events import Record
from support_service.sources import SOURCES, timeline_view_sql

VIEW = "lake.vw_support_case_timeline"
DAY = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
"""When the first fact of `every_fact` happened."""

_FULL: Mapping[str, Mapping[str, Value]] = {
    "order": {"items": 2, "amount_minor": 12990, "currency": "BRL", "estimated_delivery": date(2026, 3, 9)},
    "payment": {"method": "credit_card", "installments": 3, "amount_minor": -500, "currency": "VND"},
    "shipment": {
        "carrier": 'Giao "Nhanh"\n\\',
        "tracking_number": "GN-1",
        "seller": "s1",
        "items": 1,
        "estimated_delivery": date(2026, 3, 9),
    },
    "fraud": {"rule": "velocity", "score": 0},
    "feedback": {"score": 5, "title": "Rất tốt 👍", "comment": "Đúng hẹn, cảm ơn shop!\u2028"},
}
_NEVER_NULL = {"payment": {"method", "amount_minor", "currency"}, "order": {"currency"}, "fraud": {"rule"}}


def every_fact(order_id: str, customer_id: str | None) -> list[ShopFact]:
    """For each source an entity that goes through every status, all its fields known, and one with none of them."""
    facts: list[ShopFact] = []
    for source in SOURCES:
        full = dict(_FULL[source.name])
        bare = {key: value if key in _NEVER_NULL.get(source.name, ()) else None for key, value in full.items()}
        facts += _entity(source.name, order_id, order_id, customer_id, source.statuses, full)  # type: ignore[arg-type]
        if source.name != "order":
            facts += _entity(source.name, f"{order_id}-bare", order_id, customer_id, source.statuses[:1], bare)  # type: ignore[arg-type]
    return facts


def _entity(
    source: Source,
    entity_id: str,
    order_id: str,
    customer_id: str | None,
    statuses: Iterable[str],
    details: Mapping[str, Value],
) -> list[ShopFact]:
    return [
        ShopFact(
            source=source,
            entity_id=entity_id,
            order_id=order_id,
            customer_id=customer_id,
            version=version,
            status=status,
            occurred_at=DAY + timedelta(hours=version),
            time_known=version % 2 == 1,
            details=details,
        )
        for version, status in enumerate(statuses, 1)
    ]


def placed(order_id: str, customer_id: str | None, at: datetime) -> ShopFact:
    """An order that was just placed."""
    fact = every_fact(order_id, customer_id)[0]
    return replace(fact, occurred_at=at, time_known=True)


def record_of(event: ShopEvent, offset: int) -> Record:
    """The record that a broker hands over, produced when what it tells of happened."""
    return Record(event.topic, 0, offset, event.key.encode(), event.value, (), event.occurred_at.timestamp())


@dataclass(slots=True)
class Shop:
    """A shop in a database of a test; `lake_dsn` and `events_dsn` are of roles with no more rights than they need."""

    owner_dsn: str
    lake_role: str
    lake_dsn: str
    events_dsn: str
    database: Database = field(repr=False)

    async def add(self, facts: Iterable[ShopFact]) -> None:
        """Let the shop tell facts, each in its tables and, where it has one, by its event."""
        async with self.database.transaction() as tx:
            await lock_feed(tx)
            await add_facts(tx, facts)

    async def execute(self, statement: str) -> None:
        """Run a statement as the owner."""
        async with self.database.connection() as connection:
            await connection.execute(statement)

    async def stop_lake(self) -> None:
        """Take the lake's role its login away and end its sessions, as `support-service demo stop lake` does."""
        await self.execute(f"ALTER ROLE {self.lake_role} NOLOGIN")
        await self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.lake_role}'")

    async def start_lake(self) -> None:
        """Give the lake's role its login back."""
        await self.execute(f"ALTER ROLE {self.lake_role} LOGIN")


@contextlib.asynccontextmanager
async def open_shop(owner_dsn: str) -> AsyncIterator[Shop]:
    """Make an empty shop in a database, with its timeline view, for as long as the block runs."""
    role, password = f"lake_{secrets.token_hex(6)}", secrets.token_hex(6)
    parts = urlsplit(owner_dsn)
    lake_dsn = parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}").geturl()
    database = Database(owner_dsn, name="test-shop", max_size=3)
    shop = Shop(owner_dsn, role, lake_dsn, owner_dsn, database)
    try:
        await create_shop(database)
        await shop.execute(f"""
            CREATE SCHEMA lake;
            CREATE VIEW {VIEW} AS {timeline_view_sql({str(name): table for name, table in TABLES.items()})};
            CREATE ROLE {role} LOGIN PASSWORD '{password}';
            GRANT USAGE ON SCHEMA lake TO {role};
            GRANT SELECT ON {VIEW} TO {role};
        """)
        yield shop
    finally:
        await shop.execute(f"DROP OWNED BY {role} CASCADE")
        await shop.execute(f"DROP ROLE {role}")
        await database.close()


@dataclass(slots=True)
class Served:
    """The shop's REST services, listening."""

    base_url: str
    token: str

    @property
    def base_urls(self) -> dict[str, str]:
        """The address of each service."""
        return {source.service: f"{self.base_url}/{source.service}" for source in SOURCES}


@contextlib.asynccontextmanager
async def serve_rest(shop: Shop, port: int = 0) -> AsyncIterator[Served]:
    """Serve the shop's REST services on 127.0.0.1, in this process, for as long as the block runs."""
    token = "a-token"
    # The protocol is named, as asyncio turns Nagle's algorithm off only then: 40 ms an answer else.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        app = create_rest_app(shop.owner_dsn, token)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        running = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", token)
        finally:
            server.should_exit = True
            await running


class Rest:
    """The shop's REST services, which can be stopped and started on one address."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._running = contextlib.AsyncExitStack()
        self.served: Served | None = None

    async def start(self) -> Served:
        port = 0 if self.served is None else int(self.served.base_url.rpartition(":")[2])
        self.served = await self._running.enter_async_context(serve_rest(self._shop, port))
        return self.served

    async def stop(self) -> None:
        await self._running.aclose()
