"""A running service that may post to this machine, a receiver, and a supervisor."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.lines import Lines, logged
from support.postgres import DatabaseDsns
from support.receivers import Receiver, open_receiver
from support.service import Person, RunningService, running_service


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service that may post to this machine."""
    async with running_service(
        database_dsns, empty_database_url, tmp_path, webhooks_private_networks="127.0.0.1/32"
    ) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
def supervisor(service: RunningService) -> Person:
    return service.person("SUPERVISOR")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    with logged(monkeypatch) as found:
        yield found
