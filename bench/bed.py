"""Our side of every comparison: PostgreSQL, the shop's data and services, the worker, two API processes, and cases."""

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bench import shop
from bench.processes import HOST, Program, free_port
from support_service import migrations
from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.adapters.embedded.postgres import EmbeddedPostgres
from support_service.demo.cluster import VIEW, Cluster
from support_service.demo.tables import stock_shop
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database

API_WORKERS = 2
AUDIENCE = "support-service"
_CLI = "support_service.entrypoints.cli"
_AT_ONCE = 16
_QUIET_WITHIN_S = 240.0
_DIRECTLY = [
    "DATABASE_",
    "OIDC_",
    "SHOP_",
    "LAKE_",
    "SECRETS_DIR",
    "KAFKA_",
    "TRINO_",
    "REDIS_",
    "S3_",
    "API_",
    "LOG_",
    "PORT",
    "HOST",
    "DEMO",
]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token."""

    agent_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case and the order that it is about."""

    ticket_id: str
    order_id: str


@dataclass(slots=True)
class Bed:
    """The running service and what is known of its data."""

    address: str
    """host:port of the API."""
    owner: Database
    """The service's database as its owner."""
    issuer: LocalIssuer
    session: aiohttp.ClientSession
    folder: Path
    logs: Path
    roots: dict[str, int]
    """The root of every process tree of our side: PostgreSQL, worker, API, Redis, the shop's services."""
    settings: Mapping[str, str]
    """The environment of our processes."""
    programs: dict[str, Program] = field(default_factory=dict)
    redis_url: str | None = None
    cases: list[Case] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{self.address}"

    def token(self, subject: str, *roles: str) -> str:
        """A token for somebody."""
        return self.issuer.token(
            subject=subject, name=f"Name of {subject}", email=f"{subject}@example.com", roles=roles, teams=()
        )

    async def ask(self, method: str, path: str, token: str, body: object = None) -> Any:
        """The decoded body of an answer that must be a success."""
        headers = {"authorization": f"Bearer {token}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            if answer.status not in {200, 201}:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def sign_in(self, count: int) -> None:
        """Make so many agents known to the service."""
        tokens = [self.token(f"bench-agent-{number:04}", "AGENT") for number in range(count)]

        async def known(token: str) -> Person:
            return Person((await self.ask("GET", "/support/agents/me", token))["agent_id"], token)

        self.people = await _gather([known(token) for token in tokens])

    async def open_cases(self, orders: Sequence[str]) -> None:
        """Open a case on each order through the API, as a storefront does, and wait until the worker has done with them."""
        token = self.token("bench-storefront", "SERVICE")

        async def opened(order_id: str) -> Case:
            told = await self.ask(
                "POST",
                "/support/cases",
                token,
                {
                    "customer_id": shop.customer_of(order_id),
                    "order_id": order_id,
                    "channel": "WEB",
                    "subject": f"Where is {order_id}?",
                    "description": "It should have come two days ago. " * 6,
                },
            )
            return Case(told["ticket_id"], order_id)

        self.cases += await _gather([opened(order_id) for order_id in orders])
        await self.until_quiet()

    async def until_quiet(self) -> None:
        """Wait until no work is due: every case has its context.

        Raises:
            TimeoutError: there is still some after minutes.
        """
        async with asyncio.timeout(_QUIET_WITHIN_S):
            while await self.count("SELECT count(*) FROM due_work WHERE kind = 'context.enrich'"):  # noqa: ASYNC110 - the worker does it
                await asyncio.sleep(0.2)

    async def count(self, query: str, *values: object) -> int:
        """One number from the service's database."""
        async with self.owner.connection() as connection:
            return int(await connection.fetchval(query, *values))


@contextlib.asynccontextmanager
async def service_bed(
    orders: Sequence[str], *, people: int, redis_url: str | None = None, facts: int = shop.FACTS
) -> AsyncIterator[Bed]:
    """The service with a shop that holds these orders with so many facts each, a case on each of them, and so many agents."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="support-bench-")))
        logs = folder / "logs"
        logs.mkdir()
        postgres = EmbeddedPostgres(folder / "postgres")
        stack.callback(postgres.remove)
        await asyncio.to_thread(postgres.start)
        cluster = Cluster(postgres)
        stack.push_async_callback(cluster.close)
        await cluster.prepare()
        await migrations.migrate(cluster.owner_dsn, app_dsn=cluster.app_dsn)
        told = (fact for order_id in orders for fact in shop.facts_of(order_id, facts))
        await stock_shop(cluster.shop, shop.customers(orders), told, choice="bench", now=datetime.now(UTC))
        owner = Database(cluster.owner_dsn, name="bench", max_size=2, command_timeout_s=120)
        stack.push_async_callback(owner.close)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)))
        issuer = LocalIssuer.from_file(folder / "issuer.pem", audience=AUDIENCE, clock=SystemClock())
        ports = [free_port(), free_port()]
        settings = _environment(cluster, folder, ports, redis_url)
        bed = Bed(
            f"{HOST}:{ports[0]}",
            owner,
            issuer,
            session,
            folder,
            logs,
            {"postgres": await cluster.server_pid()},
            settings,
            redis_url=redis_url,
        )
        for program in _programs(settings, logs, ports):
            bed.programs[program.name] = stack.enter_context(program)
            bed.roots[program.name] = program.pid
            url = {"api": f"{bed.url}/readyz", "shop-rest": f"http://{HOST}:{ports[1]}/orders/health"}.get(program.name)
            if url is not None:
                await asyncio.to_thread(program.until_answers, url)
        await bed.sign_in(people)
        await bed.open_cases(orders)
        yield bed


def _programs(settings: dict[str, str], logs: Path, ports: Sequence[int]) -> list[Program]:
    granian = ["granian", "--interface", "asgi", "--factory", "--host", HOST, "--port", str(ports[1]), "--no-log"]
    modules = {
        "shop-rest": [*granian, "support_service.demo.rest:create_app"],
        "api": [_CLI, "api"],
        "worker": [_CLI, "worker"],
    }
    return [Program(name, [sys.executable, "-m", *words], settings, logs) for name, words in modules.items()]


def _environment(cluster: Cluster, folder: Path, ports: Sequence[int], redis_url: str | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(tuple(_DIRECTLY))}
    shop_token = secrets.token_urlsafe(24)
    settings = inherited | {
        "DEMO": "true",
        "HOST": HOST,
        "PORT": str(ports[0]),
        "METRICS_PORT": "0",
        "API_WORKERS": str(API_WORKERS),
        "DATABASE_URL": cluster.app_dsn,
        "LAKE_URL": cluster.lake_dsn,
        "LAKE_VIEW": VIEW,
        "SHOP_EVENTS_URL": cluster.events_dsn,
        "SHOP_API_URL": f"http://{HOST}:{ports[1]}",
        "SHOP_API_TOKEN": shop_token,
        "SHOP_DATABASE_URL": cluster.shop_dsn,
        "OIDC_AUDIENCE": AUDIENCE,
        "LOCAL_ISSUER_KEY": str(folder / "issuer.pem"),
        "LOG_FORMAT": "json",
    }
    return settings | ({"REDIS_URL": redis_url} if redis_url else {})


async def _gather(work: Sequence[Any]) -> list[Any]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(awaitable: Any) -> Any:
        async with gate:
            return await awaitable

    return list(await asyncio.gather(*map(one, work)))
