"""PostgreSQL: one bounded pool a process, transactions, and deadlines on everything.

Statements are sent through asyncpg as they stand in `queries/*.sql`. Behind PgBouncer in transaction mode open the pool
with `statement_cache=False`; nothing here relies on a session (no LISTEN, no session locks, no SET outside a
transaction).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic_core import from_json, to_json

from support_service.kit.problems import Unavailable

Tx: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
"""A connection; where a function is given one named `tx`, its caller owns the transaction."""

Row = asyncpg.Record
"""One row of an answer, read by column name."""

UniqueViolation = asyncpg.UniqueViolationError
CheckViolation = asyncpg.CheckViolationError
DatabaseError = asyncpg.PostgresError
LostConnection = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg makes of a session that the server ends between the preparing of a statement and its execution.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a caller may see when the server is away, restarting, or the network is broken."""

_CONNECT_TIMEOUT_S = 5.0
_ACQUIRE_TIMEOUT_S = 5.0
_LONGEST_TRANSACTION_IDLE_MS = 30_000
_STATEMENTS_CACHED = 512
_JSONB_VERSION = b"\x01"
"""What a jsonb value begins with on the wire (PostgreSQL's jsonb_send)."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer right now."""


class Database:
    """A bounded pool of connections with JSON decoded and every call under a deadline.

    The first use connects; while the server is away each use fails with `DatabaseUnavailable`, and the first one after
    it is back succeeds.
    """

    def __init__(
        self,
        dsn: str,
        *,
        name: str,
        max_size: int = 10,
        command_timeout_s: float = 10.0,
        statement_cache: bool = True,
    ) -> None:
        """Say where the database is, without connecting.

        Args:
            dsn: a libpq URL.
            name: shown as application_name in pg_stat_activity.
            max_size: connections at most; further callers wait up to 5 s, then get `DatabaseUnavailable`.
            command_timeout_s: seconds one statement may take, seen from here.
            statement_cache: off behind PgBouncer in transaction mode.
        """
        self._dsn = dsn
        self._name = name
        self._max_size = max_size
        self._command_timeout_s = command_timeout_s
        self._statement_cache = statement_cache
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._connecting = asyncio.Lock()

    async def _open_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._connecting:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,  # one kept open would be restored in the background, with a stack in the log each time
                    max_size=self._max_size,
                    timeout=_CONNECT_TIMEOUT_S,
                    command_timeout=self._command_timeout_s,
                    statement_cache_size=_STATEMENTS_CACHED if self._statement_cache else 0,
                    init=_prepare_connection,
                    reset=_nothing_to_reset,
                    server_settings={
                        "application_name": self._name,
                        "timezone": "UTC",
                        "idle_in_transaction_session_timeout": str(_LONGEST_TRANSACTION_IDLE_MS),
                    },
                )
            return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        """A connection for single statements, each its own transaction.

        Raises:
            DatabaseUnavailable: none was free, or could be made, within 5 s.
        """
        try:
            pool = self._pool or await self._open_pool()
            # One that waits is there at once: a deadline would cost as much again as taking it does.
            connection = await pool.acquire(timeout=None if pool.get_idle_size() else _ACQUIRE_TIMEOUT_S)
        except (*LostConnection, DatabaseError) as error:
            raise DatabaseUnavailable from error
        try:
            yield connection
        finally:
            await pool.release(connection, timeout=_ACQUIRE_TIMEOUT_S)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A transaction at READ COMMITTED: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseUnavailable: no connection within 5 s.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def ping(self) -> None:
        """Raise `DatabaseUnavailable` unless the server answers a statement."""
        async with self.connection() as connection:
            try:
                await connection.fetchval("SELECT 1")
            except (*LostConnection, DatabaseError) as error:
                raise DatabaseUnavailable from error

    async def close(self) -> None:
        """Close every connection, waiting at most 5 s for those in use."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(_ACQUIRE_TIMEOUT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def _prepare_connection(connection: "asyncpg.Connection[Any]") -> None:
    await connection.set_type_codec("json", schema="pg_catalog", encoder=_encode, decoder=json.loads)
    # In binary, as COPY needs it.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_binary, decoder=_decode_binary, format="binary"
    )


async def _nothing_to_reset(_connection: "asyncpg.Connection[Any]") -> None:
    """Nothing here changes a session, and an open transaction is rolled back before this: spares a round trip a use."""


def _encode(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _encode_binary(value: object) -> bytes:
    return _JSONB_VERSION + to_json(value, inf_nan_mode="constants")


def _decode_binary(value: bytes) -> Any:
    return from_json(value[len(_JSONB_VERSION) :])
