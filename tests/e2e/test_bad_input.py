"""Whatever is sent wrongly gets a clear answer and leaves nothing behind: a test for each row of docs/bad-input.md."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.api import problem
from support.bad_input import ROWS
from support.bad_input.row import BY_SERVER, TAKEN, Row
from support.bad_input.world import World, open_world
from support.postgres import Server
from support.service import running_service

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    postgres: Server, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One service for all rows, as none may change anything; without a worker, which would."""
    folder = tmp_path_factory.mktemp("bad-input")
    async with (
        postgres.database(template=migrated_template) as dsns,
        postgres.database() as shop,
        running_service(
            dsns, shop.owner, folder, with_worker=False, webhooks_private_networks="127.0.0.1/32"
        ) as service,
    ):
        yield await open_world(service)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_what_is_sent_wrongly_gets_its_answer_and_leaves_nothing(world: World, row: Row) -> None:
    before = await world.stored()
    answer = await world.answer(row)
    assert answer.status == row.status, answer
    if row.kind == TAKEN:
        return
    assert await world.stored() == before
    if row.kind == BY_SERVER:
        return
    assert problem(answer) == (row.status, row.kind), answer
    assert answer.body["detail"]
    assert answer.headers["x-request-id"]
    if row.pointers is not None:
        assert sorted({error["pointer"] for error in answer.body["errors"]}) == sorted(row.pointers), answer
        assert all(error["detail"] and error["in"] for error in answer.body["errors"])
