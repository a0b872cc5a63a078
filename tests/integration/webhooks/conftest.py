"""An office of webhooks and a receiver."""

from collections.abc import AsyncIterator

import pytest

from support.receivers import Receiver, open_receiver
from support.webhooks import Office
from support_service.kit.database import Database


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    opened = Office(database)
    yield opened
    await opened.sender.settle()
    await opened.receivers.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened
