"""A migrated database, opened as the service's role."""

from collections.abc import AsyncIterator

import pytest

from support.postgres import DatabaseDsns
from support_service.kit.database import Database


@pytest.fixture
async def database(database_dsns: DatabaseDsns) -> AsyncIterator[Database]:
    """Ten connections at most; a test that needs more, or tables of its own, opens one itself."""
    opened = Database(database_dsns.app, name="test")
    yield opened
    await opened.close()
