"""The account of activity: added to in the transaction of what was done, and never changed by anybody."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from support.postgres import DatabaseDsns
from support_service.activity import record
from support_service.kit import logs
from support_service.kit.database import Database


@pytest.fixture
async def owner(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    opened = Database(database_dsns.owner, name="test-owner", max_size=2)
    yield opened
    await opened.close()


async def account(database: Database) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [
            dict(row) for row in await connection.fetch("SELECT * FROM support_agent_activity ORDER BY activity_id")
        ]


async def test_what_was_done_is_recorded_with_the_request_that_did_it(database: Database) -> None:
    agent_id, ticket_id = uuid4(), uuid4()
    with logs.bound(request_id="request-1"):
        async with database.transaction() as tx:
            await record(tx, agent_id=agent_id, action="case.opened", ticket_id=ticket_id, detail={"fields": ["team"]})
    [row] = await account(database)
    assert (row["agent_id"], row["action"], row["ticket_id"]) == (agent_id, "case.opened", ticket_id)
    assert (row["detail"], row["request_id"]) == ({"fields": ["team"]}, "request-1")


class Undone(Exception):  # noqa: N818 - the use case changed its mind
    pass


async def test_what_was_not_done_is_not_recorded(database: Database) -> None:
    async def change_ones_mind() -> None:
        async with database.transaction() as tx:
            await record(tx, agent_id=uuid4(), action="case.opened")
            raise Undone

    with pytest.raises(Undone):
        await change_ones_mind()
    assert await account(database) == []


@pytest.mark.parametrize(
    "detail",
    [
        {"message": "Where is my parcel?"},
        {"email": "linh@example.com"},
        {"name": "Nguyễn"},
        {"list": ["ok", "not ok"]},
        {"nested": {"a": "b"}},
        {"number": 1.5},
        {"long": "x" * 65},
        {"empty": ""},
    ],
)
async def test_text_that_a_person_wrote_is_refused(database: Database, detail: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an id"):
        async with database.transaction() as tx:
            await record(tx, agent_id=uuid4(), action="case.changed", detail=detail)


CHANGES = [
    "UPDATE support_agent_activity SET action = 'nothing'",
    "DELETE FROM support_agent_activity",
    "TRUNCATE support_agent_activity",
    "DELETE FROM support_agent_activity WHERE false",
    """\
    INSERT INTO support_agent_activity (activity_id, occurred_at, agent_id, action) OVERRIDING SYSTEM VALUE
    VALUES (1, now(), gen_random_uuid(), 'x') ON CONFLICT (activity_id) DO UPDATE SET action = 'nothing'""",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("who", ["service", "owner", "owner as a replica"])
async def test_the_database_refuses_every_change(database: Database, owner: Database, change: str, who: str) -> None:
    async with database.transaction() as tx:
        await record(tx, agent_id=uuid4(), action="case.opened")
    before = await account(database)
    async with (database if who == "service" else owner).connection() as connection:
        if who == "owner as a replica":
            await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(change)
    assert await account(database) == before
