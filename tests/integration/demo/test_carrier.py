"""The demo's carrier over the running service."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.postgres import DatabaseDsns
from support.service import RunningService, running_service
from support_service.demo.api import SupportApi
from support_service.demo.carrier import carry
from support_service.demo.people import STOREFRONT


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    async with running_service(database_dsns, empty_database_url, tmp_path) as running:
        yield running


async def test_a_reply_is_sent_then_delivered_and_without_an_address_it_fails(
    service: RunningService, tmp_path: Path
) -> None:
    storefront, agent = service.person("SERVICE", subject=STOREFRONT.subject), service.person("AGENT")
    reachable = (await storefront.open_case(contact={"email": "a@example.com"}))["ticket_id"]
    unknown = (await storefront.open_case())["ticket_id"]
    for ticket_id in (reachable, unknown):
        assert (await agent.say(ticket_id, "It comes tomorrow.")).status == 201
    api = SupportApi(service.url, tmp_path / "issuer.pem")

    async def states(later_s: int) -> list[str]:
        await asyncio.to_thread(carry, api, datetime.now(UTC) + timedelta(seconds=later_s))
        cases = [await agent.get(f"/support/cases/{ticket_id}") for ticket_id in (reachable, unknown)]
        return [case["conversation"][-1]["delivery"]["state"] for case in cases]

    assert await states(0) == ["sent", "failed"]
    assert await states(1) == ["sent", "failed"]
    assert await states(10) == ["delivered", "failed"]
