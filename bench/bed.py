"""Our side of every comparison: PostgreSQL, the shop's data and services, the worker, two API processes, and cases."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bench import shop
from bench.environment import AUDIENCE, environment
from bench.lake import Lake
from bench.processes import HOST, Program, free_port
from support_service import migrations
from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.adapters.embedded.postgres import EmbeddedPostgres
from support_service.demo.cluster import Cluster
from support_service.demo.tables import copy_facts, stock_shop
from support_service.kit.clock import SystemClock
from support_service.kit.database import Database

_CLI = "support_service.entrypoints.cli"
_AT_ONCE = 16
_QUIET_WITHIN_S = 240.0
_UNFINISHED = """
    SELECT (SELECT count(*) FROM due_work WHERE kind = 'context.enrich')
         + (SELECT count(*) FROM support_tickets t
            WHERE NOT EXISTS (SELECT FROM support_case_context c WHERE c.ticket_id = t.ticket_id))
"""
"""A case that was opened a moment ago is not yet due."""


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
    """The root of every process tree of our side: PostgreSQL, worker, API, Redis, the shop's services, Trino."""
    shop_database: Database
    """The shop's database, which its REST services read; the lake's view is over it, too, unless `lake` is given."""
    settings: Mapping[str, str]
    """The environment of our processes."""
    programs: dict[str, Program] = field(default_factory=dict)
    lake: Lake | None = None
    redis_url: str | None = None
    cases: list[Case] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{self.address}"

    def token(self, subject: str, *roles: str, teams: Sequence[str] = ()) -> str:
        """A token for somebody."""
        return self.issuer.token(
            subject=subject, name=f"Name of {subject}", email=f"{subject}@example.com", roles=roles, teams=tuple(teams)
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

    async def stock(self, orders: Sequence[str], facts: int = shop.FACTS) -> None:
        """Let the shop's services, and the lake, hold so many facts of each of these new orders."""
        told = [fact for order_id in orders for fact in shop.facts_of(order_id, facts)]
        async with self.shop_database.transaction() as tx:
            await copy_facts(tx, told)
        if self.lake is not None:
            await self.lake.add(told)

    async def open_cases(self, orders: Sequence[str], *, named: bool = True) -> None:
        """Open a case on each order through the API, as a storefront does, and wait until the worker has done with them.

        Not `named`, they are cases of the orders' customers that tell no order.
        """
        token = self.token("bench-storefront", "SERVICE")

        async def opened(order_id: str) -> Case:
            told = await self.ask(
                "POST",
                "/support/cases",
                token,
                {
                    "customer_id": shop.customer_of(order_id),
                    "order_id": order_id if named else None,
                    "channel": "WEB",
                    "subject": f"Where is {order_id}?",
                    "description": "It should have come two days ago. " * 6,
                },
            )
            return Case(told["ticket_id"], order_id)

        self.cases += await _gather([opened(order_id) for order_id in orders])
        await self.until_quiet()

    async def until_quiet(self) -> None:
        """Wait until every case has its context and no more work is due.

        Raises:
            TimeoutError: there is still some after minutes.
        """
        async with asyncio.timeout(_QUIET_WITHIN_S):
            while await self.count(_UNFINISHED):  # noqa: ASYNC110 - the worker does it
                await asyncio.sleep(0.2)

    async def count(self, query: str, *values: object) -> int:
        """One number from the service's database."""
        async with self.owner.connection() as connection:
            return int(await connection.fetchval(query, *values))


@contextlib.asynccontextmanager
async def service_bed(
    orders: Sequence[str],
    *,
    people: int,
    redis_url: str | None = None,
    lake: Lake | None = None,
    facts: int = shop.FACTS,
    others: Mapping[str, str] | None = None,
) -> AsyncIterator[Bed]:
    """The service with a shop that holds these orders, a case on each of them, and so many agents.

    Args:
        orders: their ids; the shop's services know so many facts of each.
        people: agents with a token.
        redis_url: of the cache that the processes share; they share none when None.
        lake: on a real Trino (`bench.lake.open_lake`); the timeline view in the shop's own database when None.
        facts: of each order.
        others: settings that go before those of the bed.
    """
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
        await stock_shop(cluster.shop, shop.customers(orders), (), choice="bench", now=datetime.now(UTC))
        owner = Database(cluster.owner_dsn, name="bench", max_size=2, command_timeout_s=120)
        stack.push_async_callback(owner.close)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)))
        issuer = LocalIssuer.from_file(folder / "issuer.pem", audience=AUDIENCE, clock=SystemClock())
        ports = [free_port(), free_port()]
        settings = environment(cluster, folder, ports, redis_url, lake) | dict(others or {})
        bed = Bed(
            address=f"{HOST}:{ports[0]}",
            owner=owner,
            issuer=issuer,
            session=session,
            folder=folder,
            logs=logs,
            roots={"postgres": await cluster.server_pid(), **(lake.roots if lake else {})},
            shop_database=cluster.shop,
            settings=settings,
            lake=lake,
            redis_url=redis_url,
        )
        await bed.stock(orders, facts)
        for program in _programs(settings, logs, ports):
            bed.programs[program.name] = stack.enter_context(program)
            bed.roots[program.name] = program.pid
            url = {"api": f"{bed.url}/readyz", "shop-rest": f"http://{HOST}:{ports[1]}/orders/health"}.get(program.name)
            if url is not None:
                await asyncio.to_thread(program.until_answers, url)
        await bed.sign_in(people)
        await bed.open_cases(orders)
        yield bed


def _programs(settings: dict[str, str], logs: Path, ports: Sequence[int]) -> Iterator[Program]:
    """Each is started when the one before is in its owner's hands, so that none is left when one fails."""
    granian = ["granian", "--interface", "asgi", "--factory", "--host", HOST, "--port", str(ports[1]), "--no-log"]
    modules = {
        "shop-rest": [*granian, "support_service.demo.rest:create_app"],
        "api": [_CLI, "api"],
        "worker": [_CLI, "worker"],
    }
    for name, words in modules.items():
        yield Program(name, [sys.executable, "-m", *words], settings, logs)


async def _gather(work: Sequence[Any]) -> list[Any]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(awaitable: Any) -> Any:
        async with gate:
            return await awaitable

    return list(await asyncio.gather(*map(one, work)))
