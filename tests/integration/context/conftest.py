"""What the tests of the intake from Kafka share."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from support.intake import Watched
from support.kafka import KafkaShop
from support.postgres import DatabaseDsns

if TYPE_CHECKING:
    from tools.stack import Running


@pytest.fixture
async def watched(database_dsns: DatabaseDsns) -> AsyncIterator[Watched]:
    """The service's database, seen from outside."""
    opened = Watched(database_dsns)
    yield opened
    await opened.close()


@pytest.fixture
async def shop(kafka: "Running", request: pytest.FixtureRequest) -> AsyncIterator[KafkaShop]:
    """A shop's topics; of one partition, so that one batch can hold all, or of as many as a test asks for."""
    opened = KafkaShop(kafka["bootstrap"])
    await opened.open(partitions=getattr(request, "param", 1))
    yield opened
    await opened.close()
