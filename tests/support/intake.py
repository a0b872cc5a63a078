"""Workers that take in a Kafka shop's events, in this process, and what they leave in the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from support.kafka import KafkaShop
from support.postgres import DatabaseDsns
from support_service import wiring
from support_service.config import Settings
from support_service.kit.database import Database


def settings_of(dsns: DatabaseDsns, shop: KafkaShop, folder: Path, **others: object) -> dict[str, Any]:
    """The settings of a worker that has nothing but a database and a Kafka."""
    return {
        "demo": True,
        "database_url": dsns.app,
        "local_issuer_key": folder / "issuer.pem",
        "kafka_servers": shop.servers,
        "kafka_topics": {type_: topic for topic, type_ in shop.topics.items()},
        "kafka_group": shop.prefix,
        "metrics_port": 0,
        **others,
    }


@contextlib.asynccontextmanager
async def worker_services(settings: Mapping[str, Any]) -> AsyncIterator[wiring.Services]:
    """The services of one worker."""
    services = wiring.Services(Settings.model_validate(settings), name="test-intake")
    try:
        yield services
    finally:
        await services.close()


class Watched:
    """The database as its superuser: what is in it, who waits in it, and locks that hold others up."""

    def __init__(self, dsns: DatabaseDsns) -> None:
        self._dsn = dsns.owner
        self._database = Database(dsns.owner, name="test-owner", max_size=2, command_timeout_s=60)

    async def close(self) -> None:
        await self._database.close()

    async def execute(self, statement: str, *values: object) -> None:
        async with self._database.connection() as connection:
            await connection.execute(statement, *values)

    async def count(self, statement: str, *values: object) -> int:
        """One number."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(statement, *values))

    @contextlib.asynccontextmanager
    async def holding(self, statement: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A transaction that has executed a statement which locks something, and holds that to the end of the block."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(f"SET deadlock_timeout = '1min'; BEGIN; {statement}")
            yield connection
        finally:
            connection.terminate()

    async def until_waiting(self, sessions: int, within_s: float = 20.0) -> None:
        """Wait until so many sessions of this database wait for a lock."""
        async with asyncio.timeout(within_s):
            while await self.count(_WAITING) < sessions:
                await asyncio.sleep(0.02)

    async def deadlocks(self) -> int:
        """How many there were, once those who met them have left."""
        return await self.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")

    async def record_customers(self, customers: int) -> None:
        """Record the customers c-0, c-1 and so on."""
        await self.execute(
            "INSERT INTO support_customers (customer_id, created_at) SELECT 'c-' || n, now() FROM generate_series(0, $1) n",
            customers - 1,
        )


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
