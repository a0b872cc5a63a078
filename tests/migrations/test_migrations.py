"""Migrations: up, down and up again, nothing left behind, and exactly the tables that the code declares."""

import asyncio
import sys
from importlib import import_module

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from support.postgres import DatabaseDsns
from support_service import migrations
from support_service.kit.database import Database
from support_service.kit.privacy import DataClass
from support_service.kit.schema import metadata

for _room in ("kit", "activity", "directory", "sources", "cases", "attachments", "context", "webhooks"):
    import_module(f"support_service.{_room}.tables")

BLUEPRINT = {
    "conversation_id": ("uuid", "NO", None),
    "ticket_id": ("uuid", "NO", None),
    "author_type": ("character varying", "NO", 16),
    "message": ("text", "NO", None),
    "created_at": ("timestamp with time zone", "NO", None),
    "attachment_uri": ("text", "YES", None),
    "sentiment": ("character varying", "YES", 16),
    "metadata": ("jsonb", "YES", None),
}


async def test_the_conversations_table_has_exactly_the_blueprints_columns_and_types_beside_ours(
    database_dsns: DatabaseDsns,
) -> None:
    connection = await asyncpg.connect(database_dsns.owner)
    rows = await connection.fetch(
        "SELECT column_name, data_type, is_nullable, character_maximum_length FROM information_schema.columns"
        " WHERE table_name = 'support_conversations'"
    )
    await connection.close()
    found = {row[0]: (row[1], row[2], row[3]) for row in rows}
    assert {name: found[name] for name in BLUEPRINT} == BLUEPRINT


async def test_migrated_is_what_the_code_declares(database_dsns: DatabaseDsns) -> None:
    engine = create_async_engine("postgresql+asyncpg://" + database_dsns.owner.partition("://")[2])

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_down_takes_everything_away_and_up_brings_it_back(empty_database_url: str) -> None:
    url = empty_database_url
    connection = await asyncpg.connect(url)
    owned = (
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
        " UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    await migrations.migrate(url, app_dsn=url)
    first = {row[0] for row in await connection.fetch(owned)}
    await migrations.downgrade(url, "base")
    assert {row[0] for row in await connection.fetch(owned)} == {"alembic_version"}
    await migrations.migrate(url, app_dsn=url)
    assert {row[0] for row in await connection.fetch(owned)} == first
    await connection.close()
    database = Database(url, name="test", max_size=1)
    assert await migrations.revision_of(database) == migrations.newest_revision()
    await database.close()


_INBOX = "SELECT entry_id, kind, event_id FROM support_timeline_events ORDER BY version"
_TOLD = """
    INSERT INTO support_timeline_events (order_id, source, entity_id, version, event_id, occurred_at, data)
    VALUES ('o-1', 'payment', 'p-1', 1, 'e-1', now(), '{"status": "authorized"}'),
        ('o-1', 'payment', 'p-1', 2, 'e-2', now(), '{"status": "captured"}'), ('o-1', 'payment', 'p-1', 3, 'e-2', now(), '{}')
"""


async def test_events_that_are_known_by_what_they_tell_have_their_texts_again_on_the_way_down(
    empty_database_url: str,
) -> None:
    url = empty_database_url
    await migrations.migrate(url, app_dsn=url)
    connection = await asyncpg.connect(url)
    await connection.execute(_TOLD)
    await migrations.downgrade(url, "0012")
    rows = [tuple(row) for row in await connection.fetch(_INBOX)]
    assert rows == [("payment:p-1:1", "payment.authorized", "e-1"), ("payment:p-1:2", "payment.captured", "e-2")]
    await migrations.migrate(url, app_dsn=url)
    assert len(await connection.fetch(_INBOX)) == 2
    await connection.close()


async def test_two_migrations_at_once_do_not_disturb_each_other(empty_database_url: str) -> None:
    migrate = "import asyncio, sys; from support_service import migrations as m; u = sys.argv[1]; "
    migrate += "asyncio.run(m.migrate(u, app_dsn=u))"
    running = [await asyncio.create_subprocess_exec(sys.executable, "-c", migrate, empty_database_url) for _ in "abc"]
    assert [await process.wait() for process in running] == [0, 0, 0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE support_agent_activity SET action = 'x'",
        "DELETE FROM support_agent_activity",
        "TRUNCATE support_agent_activity",
    ],
)
@pytest.mark.parametrize("role", ["owner", "app"])
async def test_the_record_of_activity_can_only_be_added_to_whoever_tries(
    database_dsns: DatabaseDsns, statement: str, role: str
) -> None:
    connection = await asyncpg.connect(getattr(database_dsns, role))
    await connection.execute(
        "INSERT INTO support_agent_activity (occurred_at, agent_id, action) VALUES (now(), gen_random_uuid(), 'x')"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    "statement", ["DROP TABLE support_tickets", "DELETE FROM support_tickets", "CREATE TABLE mine (n int)"]
)
async def test_the_services_role_may_not_do_what_it_need_not(database_dsns: DatabaseDsns, statement: str) -> None:
    connection = await asyncpg.connect(database_dsns.app)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


def test_every_column_has_its_data_class() -> None:
    columns = [column for table in metadata.sorted_tables for column in table.columns]
    assert columns
    assert [str(column) for column in columns if not isinstance(column.info.get("data_class"), DataClass)] == []
