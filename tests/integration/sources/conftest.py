"""A shop with its lake and its REST services, and a service's own database, for reading the sources."""

from collections.abc import AsyncIterator

import pytest

from support.postgres import DatabaseDsns
from support.shop import VIEW, Rest, Shop, open_shop
from support_service.adapters.embedded.lake import EmbeddedLake
from support_service.adapters.rest import RestCommerce
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database
from support_service.sources import Sources

ALL_OF_TIME_DAYS = 36_500


@pytest.fixture
async def shop(database_dsns: DatabaseDsns) -> AsyncIterator[Shop]:
    async with open_shop(database_dsns.owner) as shop:
        yield shop


@pytest.fixture
async def rest(shop: Shop) -> AsyncIterator[Rest]:
    rest = Rest(shop)
    await rest.start()
    yield rest
    await rest.stop()


@pytest.fixture
async def lake(shop: Shop) -> AsyncIterator[EmbeddedLake]:
    lake = EmbeddedLake(shop.lake_dsn, view=VIEW)
    yield lake
    await lake.close()


@pytest.fixture
async def commerce(rest: Rest) -> AsyncIterator[RestCommerce]:
    assert rest.served is not None
    commerce = RestCommerce(rest.served.base_urls, token=rest.served.token)
    yield commerce
    await commerce.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The services have all the time a machine may need that stands still for a second."""
    monkeypatch.setattr("support_service.sources.from_rest._DEADLINE_S", 10.0)


@pytest.fixture
async def sources(database: Database, lake: EmbeddedLake, commerce: RestCommerce) -> AsyncIterator[Sources]:
    sources = Sources(database, lake, commerce, SystemClock(), window_days=ALL_OF_TIME_DAYS)
    yield sources
    await sources.close()
