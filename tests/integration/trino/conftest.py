"""A real Trino over five real databases, each test's alone."""

from collections.abc import AsyncIterator

import pytest

from support.stack import SharedStack
from support.trino import TrinoShop, open_trino_shop
from support_service.adapters.trino import TrinoLake


@pytest.fixture
async def shop(stack: SharedStack) -> AsyncIterator[TrinoShop]:
    async with open_trino_shop(stack) as shop:
        yield shop


@pytest.fixture
async def lake(shop: TrinoShop) -> AsyncIterator[TrinoLake]:
    lake = shop.lake()
    yield lake
    await lake.close()
