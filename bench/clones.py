"""Databases that begin alike: each turn of a comparison has a clone of the service's database to itself."""

import contextlib
from collections.abc import AsyncIterator
from itertools import count
from urllib.parse import urlsplit

from bench.bed import Bed
from support_service.kit.database import Database

_SERVICE = "support"


class Clones:
    """Clones of a bed's database, whose own processes must have been ended."""

    def __init__(self, bed: Bed) -> None:
        """None is made yet."""
        self._bed = bed
        self._numbers = count(1)

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[str]:
        """The URL of a new clone, as the service's role; it is dropped at the end of the block.

        All that was written before is on disk by then, so that no turn pays for another.
        """
        name = f"{_SERVICE}_{next(self._numbers)}"
        async with self._bed.shop_database.connection() as server:
            await server.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{_SERVICE}'"  # noqa: S608 - ours
            )
            await server.execute(f"CREATE DATABASE {name} TEMPLATE {_SERVICE}")
            await server.execute("CHECKPOINT")
        try:
            yield urlsplit(self._bed.settings["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        finally:
            async with self._bed.shop_database.connection() as server:
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def numbers(url: str, query: str) -> dict[str, int]:
    """The one row of an answer."""
    database = Database(url, name="bench-check", max_size=1, command_timeout_s=120)
    try:
        async with database.connection() as connection:
            row = await connection.fetchrow(query)
            return {} if row is None else {name: int(value) for name, value in row.items()}
    finally:
        await database.close()
