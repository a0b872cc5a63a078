"""Where a campaign of cases takes place: an embedded PostgreSQL, API servers and workers as their own processes."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from bench.environment import AUDIENCE, environment
from bench.processes import HOST, Program, free_port

from campaign.death import KILL
from support.service import Person
from support_service import migrations
from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.adapters.embedded.postgres import EmbeddedPostgres
from support_service.demo.cluster import Cluster
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database

APIS = 2
WORKERS = 2
_ANSWERS_WITHIN_S = 10
_ELSEWHERE = ("SHOP_API_URL", "SHOP_API_TOKEN", "SHOP_EVENTS_URL")
"""What cases do without: their facts come from the lake."""


@dataclass(slots=True)
class CaseGround:
    """What there is."""

    owner: Database
    """The service's database as its superuser."""
    issuer: LocalIssuer
    session: aiohttp.ClientSession
    settings: Mapping[str, str]
    folder: Path
    ports: Sequence[int]
    """Of the API servers."""
    started: int = 0

    def api(self, number: int, death: str = "") -> Program:
        """An API server, by the address of this number, that dies where it is told."""
        return self._start(f"api-{number}", "campaign.api_points", death, {"PORT": str(self.ports[number])})

    def worker(self, death: str = "") -> Program:
        """A worker that dies where it is told."""
        return self._start("worker", "campaign.points", death, {})

    def url(self, number: int) -> str:
        """Where an API server listens."""
        return f"http://{HOST}:{self.ports[number]}"

    def person(self, subject: str, *roles: str) -> list[Person]:
        """Somebody, by each address of the API."""
        token = self.issuer.token(
            subject=subject, name=f"Name of {subject}", email=f"{subject}@example.com", roles=roles, teams=()
        )
        return [Person(self.session, self.url(number), token) for number in range(len(self.ports))]

    def _start(self, name: str, module: str, death: str, others: Mapping[str, str]) -> Program:
        self.started += 1
        command = [sys.executable, "-m", module]
        environ = {**self.settings, **others, KILL: death}
        return Program(f"{name}-{self.started:04}", command, environ, self.folder)


@contextlib.asynccontextmanager
async def open_case_ground() -> AsyncIterator[CaseGround]:
    """Everything but the processes, until the block ends."""
    async with contextlib.AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="support-campaign-")))
        # Nothing here kills PostgreSQL, so what it keeps need not survive the machine.
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        exits.callback(postgres.remove)
        await asyncio.to_thread(postgres.start)
        cluster = Cluster(postgres)
        exits.push_async_callback(cluster.close)
        await cluster.prepare()
        await migrations.migrate(cluster.owner_dsn, app_dsn=cluster.app_dsn)
        owner = Database(cluster.owner_dsn, name="campaign-owner", max_size=2, command_timeout_s=120)
        exits.push_async_callback(owner.close)
        timeout = aiohttp.ClientTimeout(total=_ANSWERS_WITHIN_S)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        await exits.enter_async_context(session)
        issuer = LocalIssuer.from_file(folder / "issuer.pem", audience=AUDIENCE, clock=SystemClock())
        ports = [free_port() for _ in range(APIS)]
        settings = environment(cluster, folder, [ports[0], ports[0]], None, None)
        settings = {name: value for name, value in settings.items() if name not in _ELSEWHERE}
        settings |= {"API_WORKERS": "1", "WEBHOOKS_PRIVATE_NETWORKS": f"{HOST}/32"}
        yield CaseGround(owner, issuer, session, settings, folder, ports)
