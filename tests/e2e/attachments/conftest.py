"""An agent who uploads files to a case, and others who should not get at them."""

import pytest

from support.blobs import Uploader
from support.service import Person, RunningService


@pytest.fixture
def agent(service: RunningService) -> Person:
    return service.person("AGENT", teams=("orders",))


@pytest.fixture
async def uploader(service: RunningService, agent: Person) -> Uploader:
    """The agent, in a case of the agent's team."""
    return Uploader(service, agent, (await agent.open_case())["ticket_id"])
