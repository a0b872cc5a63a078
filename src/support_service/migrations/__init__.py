"""Migrations: the database brought to the schema this version needs, by Alembic, as the database's owner.

    migrate(owner_dsn, app_dsn=...)     up to the newest revision, then the rights of the service's role
    downgrade(owner_dsn, revision)      back

Each revision runs in a transaction of its own that waits at most 5 s for a lock, so that a migration never queues up
behind a long transaction with everybody else behind it.
"""

import asyncio
from importlib.resources import as_file, files
from urllib.parse import unquote, urlsplit

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from support_service.kit.database import Database

_HERE = "support_service.migrations"


async def migrate(owner_dsn: str, *, app_dsn: str) -> None:
    """Bring the database to the newest revision and give the service's role what it needs, no more.

    Args:
        owner_dsn: libpq URL of the role that owns the tables.
        app_dsn: libpq URL of the role that the service runs as; the same one gets no grants.
    """
    await asyncio.to_thread(_run, "upgrade", owner_dsn, "head")
    owner, app = _user(owner_dsn), _user(app_dsn)
    if app == owner:
        return
    role = '"' + app.replace('"', '""') + '"'
    grants = files(_HERE).joinpath("grants.sql").read_text(encoding="utf-8").replace(":role", role)
    database = Database(owner_dsn, name="support-migrate", max_size=1)
    try:
        async with database.transaction() as tx:
            await tx.execute(grants)
    finally:
        await database.close()


async def downgrade(owner_dsn: str, revision: str) -> None:
    """Take the database back to a revision; `base` takes everything away."""
    await asyncio.to_thread(_run, "downgrade", owner_dsn, revision)


def newest_revision() -> str:
    """The revision that this version of the service needs."""
    with as_file(files(_HERE)) as here:
        config = Config()
        config.set_main_option("script_location", str(here))
        head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None  # noqa: S101 - there is at least one revision in the package
    return head


async def revision_of(database: Database) -> str | None:
    """The revision that a database is at; None when it was never migrated."""
    async with database.connection() as connection:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision


def _run(direction: str, dsn: str, revision: str) -> None:
    with as_file(files(_HERE)) as here:
        config = Config(attributes={"dsn": dsn})
        config.set_main_option("script_location", str(here))
        getattr(command, direction)(config, revision)


def _user(dsn: str) -> str:
    return unquote(urlsplit(dsn).username or "")
