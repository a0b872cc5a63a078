"""Runs Alembic on asyncpg; the DSN comes from `migrate`, or from the settings when the alembic command is used."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import support_service.activity.tables
import support_service.attachments.tables
import support_service.cases.tables
import support_service.context.tables
import support_service.directory.tables
import support_service.kit.tables
import support_service.sources.tables
import support_service.webhooks.tables  # noqa: F401 - each declares its tables on the metadata
from support_service.config import Settings
from support_service.kit.schema import metadata

_LOCK = 7_316_428_551
"""Advisory lock that one migration at a time holds."""


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=False,
        on_version_apply=None,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run(dsn: str) -> None:
    url = "postgresql+asyncpg://" + dsn.partition("://")[2]
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": "support-migrate",
                "lock_timeout": "5s",
                "statement_timeout": "300s",
            },
        },
    )
    try:
        async with engine.connect() as guard, engine.connect() as connection:
            await guard.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await connection.run_sync(_migrate)
            await guard.rollback()
    finally:
        await engine.dispose()


asyncio.run(_run(context.config.attributes.get("dsn") or Settings().owner_url))
