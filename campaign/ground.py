"""Where a campaign takes place: a stack of its own, the service's database and the one it is held against, topics, a worker."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.environment import AUDIENCE, inherited
from bench.processes import Program
from confluent_kafka import Producer
from tools.stack import Proxies, Stack
from tools.stack.topics import make_topics

from campaign.death import KILL
from support_service import migrations, wiring
from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.config import Settings
from support_service.demo.events import TOPICS, ShopEvent
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database

PARTITIONS = 4
CASES_TOPIC = "support.cases"
_ROLE, _PASSWORD = "campaign_app", "campaign"
_SETTINGS = {"kafka.proxied": "yes", "kafka.heap": "512M"}
_ROOM = {"queue.buffering.max.messages": 1_000_000}
_SENT_WITHIN_S = 60


@dataclass(slots=True)
class Ground:
    """What there is."""

    stack: Stack
    folder: Path
    owner: Database
    """The service's database as its superuser, not by the proxy."""
    services: wiring.Services
    """On that database, in this process: what agents do."""
    reference: wiring.Services
    """On the database that gets each event once and in order."""
    issuer: LocalIssuer
    settings: Mapping[str, str]
    """The worker's environment; PostgreSQL and Kafka are behind proxies."""
    workers: int = 0

    @property
    def proxies(self) -> Proxies:
        """Called `kafka` and `postgres`."""
        return Proxies(self.stack["toxiproxy"].url)

    def worker(self, death: str = "") -> Program:
        """A worker process that dies where it is told."""
        self.workers += 1
        command = [sys.executable, "-m", "campaign.points"]
        return Program(f"worker-{self.workers:03}", command, {**self.settings, KILL: death}, self.folder)

    async def send(self, events: Iterable[ShopEvent]) -> None:
        """Send events as they come; returns when the broker has them."""
        producer = Producer(
            {"bootstrap.servers": self.stack["kafka"]["bootstrap"], "acks": "all", "linger.ms": 5, **_ROOM}
        )
        for event in events:
            producer.produce(event.topic, event.value, event.key)
            producer.poll(0)
        left = await asyncio.to_thread(producer.flush, _SENT_WITHIN_S)
        if left:
            raise TimeoutError(f"{left} events were not sent within {_SENT_WITHIN_S} s")


@contextlib.asynccontextmanager
async def open_ground() -> AsyncIterator[Ground]:
    """Everything, until the block ends."""
    async with contextlib.AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="support-campaign-")))
        stack = exits.enter_context(Stack(folder / "stack", settings=_SETTINGS))
        await asyncio.to_thread(stack.up, "postgres", "kafka", "toxiproxy")
        servers = stack["kafka"]["bootstrap"]
        await make_topics(servers, [*TOPICS.values(), CASES_TOPIC], partitions=PARTITIONS)
        superuser = stack["postgres"].url
        service, held_against = await _databases(superuser)
        issuer = LocalIssuer.from_file(folder / "issuer.pem", audience=AUDIENCE, clock=SystemClock())
        base = {"DEMO": "true", "LOCAL_ISSUER_KEY": str(folder / "issuer.pem"), "LOG_FORMAT": "json"}
        proxy = Proxies(stack["toxiproxy"].url).create("postgres", _address(superuser)).address
        kafka = {
            "KAFKA_SERVERS": stack["kafka"]["proxied"],
            "KAFKA_PUBLISH_TOPIC": CASES_TOPIC,
            # The same name after each death: its share is given back at once, not after the dead one's session.
            "KAFKA_INSTANCE": "campaign",
            "METRICS_PORT": "0",
            "DATABASE_URL": _app(service, proxy),
        }
        services = _services(base, _app(service), "campaign")
        exits.push_async_callback(services.close)
        reference = _services(base, _app(held_against), "campaign-reference")
        exits.push_async_callback(reference.close)
        owner = Database(service, name="campaign-owner", max_size=2, command_timeout_s=120)
        exits.push_async_callback(owner.close)
        yield Ground(stack, folder, owner, services, reference, issuer, inherited() | base | kafka)


async def _databases(superuser: str) -> tuple[str, str]:
    """Two migrated databases, by the superuser's addresses."""
    server = Database(superuser, name="campaign-maker", max_size=1)
    urls = [urlsplit(superuser)._replace(path=f"/campaign_{name}").geturl() for name in ("service", "reference")]
    try:
        async with server.connection() as connection:
            await connection.execute(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{_PASSWORD}'")
            for url in urls:
                await connection.execute(f"CREATE DATABASE {urlsplit(url).path[1:]}")
    finally:
        await server.close()
    for url in urls:
        await migrations.migrate(url, app_dsn=_app(url))
    return urls[0], urls[1]


def _services(base: Mapping[str, str], dsn: str, name: str) -> wiring.Services:
    settings = {setting.lower(): value for setting, value in base.items()} | {"database_url": dsn}
    return wiring.Services(Settings.model_validate(settings), name=name)


def _app(url: str, address: str | None = None) -> str:
    """A database's address for the role that the service has; by another address, if given."""
    return urlsplit(url)._replace(netloc=f"{_ROLE}:{_PASSWORD}@{address or _address(url)}").geturl()


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"
