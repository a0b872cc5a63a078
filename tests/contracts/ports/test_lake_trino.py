"""The lake on a real Trino over five real databases: what every lake does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.ports.test_lake import LakeBehaviour, facts
from support.shop import Shop, every_fact
from support.stack import SharedStack
from support.trino import TrinoShop, open_trino_shop
from support_service.adapters.trino import TrinoLake
from support_service.ports.lake import Lake


class TestTrinoLake(LakeBehaviour):
    @pytest.fixture
    async def shop(self, stack: SharedStack) -> AsyncIterator[TrinoShop]:
        async with open_trino_shop(stack) as shop:
            yield shop

    @pytest.fixture
    async def lake(self, shop: TrinoShop) -> AsyncIterator[TrinoLake]:
        lake = shop.lake()
        yield lake
        await lake.close()

    async def test_a_hundred_questions_at_once_are_all_answered(self, lake: Lake, shop: Shop) -> None:
        """Here a fifth of them: each costs Trino 0.2-0.6 s of CPU, which is why the service shares queries."""
        await shop.add(every_fact("o1", "c1"))
        answers = await asyncio.gather(*(facts(lake, "o1", deadline_s=40) for _ in range(20)))
        assert all(answer == answers[0] for answer in answers)
