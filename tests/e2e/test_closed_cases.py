"""The context of a closed case rests, whatever comes first: what the sources say, or the end of the case."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from support.api import count, patch
from support.postgres import DatabaseDsns
from support.service import RunningService, running_service, worked_off
from support_service.kit import due

SOURCES = 5


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service whose worker's parts are moved by hand."""
    async with running_service(database_dsns, empty_database_url, tmp_path, with_worker=False) as running:
        yield running


async def test_the_context_of_a_case_that_was_closed_before_it_was_put_together_is_kept_but_not_kept_up(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    assert (await patch(agent, case["ticket_id"], 1, status="CLOSED")).status == 200
    await worked_off(service.worker)
    assert await count(service, "support_case_context") == SOURCES
    assert await count(service, "support_case_context WHERE live") == 0


async def test_a_closed_case_that_is_moved_to_another_order_has_that_ones_context_at_rest(
    service: RunningService,
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    await worked_off(service.worker)
    assert await count(service, "support_case_context WHERE live AND order_id = 'o-1'") == SOURCES
    assert (await patch(agent, case["ticket_id"], 1, status="CLOSED")).status == 200
    assert (await patch(agent, case["ticket_id"], 2, order_id="o-2")).status == 200
    await worked_off(service.worker)
    assert await count(service, "support_case_context WHERE order_id = 'o-2'") == SOURCES
    assert await count(service, "support_case_context WHERE live") == 0


async def test_the_end_of_a_case_waits_for_what_is_being_stored_of_it(service: RunningService) -> None:
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(order_id="o-1")
    await worked_off(service.worker)
    ticket_id = case["ticket_id"]
    async with service.worker.database.transaction() as tx:
        await due.schedule(tx, "context.enrich", ticket_id, datetime.now(UTC), {"n": 1})
    async with service.worker.database.transaction() as storing:
        assert await due.still_due(storing, due.Due("context.enrich", ticket_id, 1, {"n": 1}))
        assert (await patch(agent, ticket_id, 1, status="CLOSED")).status == 200
        while await service.worker.relay.step():
            pass
        ending = asyncio.create_task(service.worker.followers[0].step())
        await asyncio.sleep(0.3)
        assert not ending.done()
        await storing.execute("DELETE FROM support_case_context WHERE ticket_id = $1", UUID(ticket_id))
        await storing.execute(
            "INSERT INTO support_case_context (ticket_id, source, customer_id, served_from)"
            " VALUES ($1, 'order', 'c-1', 'lake')",
            UUID(ticket_id),
        )
    assert await ending == 2
    assert await count(service, "support_case_context") == 1
    assert await count(service, "support_case_context WHERE live") == 0
