"""What the whole-flow tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.postgres import DatabaseDsns
from support.service import RunningService, running_service


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service with an empty shop."""
    async with running_service(database_dsns, empty_database_url, tmp_path) as running:
        yield running
