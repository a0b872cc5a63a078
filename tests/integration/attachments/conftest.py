"""A service whose clock a test moves, without its worker, and an agent who uploads files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.blobs import Uploader
from support.postgres import DatabaseDsns
from support.service import RunningService, running_service


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    async with running_service(database_dsns, empty_database_url, tmp_path, with_worker=False) as running:
        yield running


@pytest.fixture
async def uploader(service: RunningService) -> Uploader:
    agent = service.person("AGENT")
    return Uploader(service, agent, (await agent.open_case())["ticket_id"])
