"""What the whole-flow tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.engines import service_on_engines
from support.postgres import DatabaseDsns
from support.service import RunningService, running_service
from support.stack import SharedStack
from support.trino import TrinoShop, open_trino_shop


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service with an empty shop."""
    async with running_service(database_dsns, empty_database_url, tmp_path) as running:
        yield running


@pytest.fixture
async def trino_shop(stack: SharedStack) -> AsyncIterator[TrinoShop]:
    """The run's Trino over its emptied databases."""
    async with open_trino_shop(stack) as shop:
        yield shop


@pytest.fixture
async def on_engines(
    stack: SharedStack, trino_shop: TrinoShop, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service on the run's Trino and Redis."""
    async with service_on_engines(stack, trino_shop, database_dsns, empty_database_url, tmp_path) as running:
        yield running
