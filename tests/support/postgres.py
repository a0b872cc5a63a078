"""One PostgreSQL server for a test run, a template migrated once, and a clone of it for each test that asks.

The server is the embedded one, careless and in a temporary folder; TEST_DATABASE_OWNER_URL names another to use
instead, by a superuser's URL. With xdist the controller starts it and its workers find it by their environment.
"""

import asyncio
import contextlib
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from support_service.adapters.embedded.postgres import EmbeddedPostgres

GIVEN_SERVER = "TEST_DATABASE_OWNER_URL"
_SERVER = "SUPPORT_TEST_SERVER"
_RUN = "SUPPORT_TEST_RUN"
_TEMPLATE_LOCK = 8_360_001


@dataclass(frozen=True, slots=True)
class DatabaseDsns:
    """The same database as its owner, who migrates it, and as the role the service runs as."""

    owner: str
    app: str


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server of a test run, and the names that this run may use on it."""

    superuser_dsn: str
    run: str

    @property
    def template(self) -> str:
        return f"support_test_{self.run}_template"

    @property
    def app_role(self) -> str:
        return f"support_test_{self.run}_app"

    @property
    def app_password(self) -> str:
        return f"app {self.run}/@:"  # needs quoting in a URL, so that whoever forgets it learns so here

    def dsns(self, database: str) -> DatabaseDsns:
        parts = urlsplit(self.superuser_dsn)
        address = f"{parts.hostname}:{parts.port or 5432}"
        app = f"{self.app_role}:{quote(self.app_password, safe='')}"
        return DatabaseDsns(
            owner=parts._replace(path=f"/{database}").geturl(),
            app=parts._replace(netloc=f"{app}@{address}", path=f"/{database}").geturl(),
        )

    def new_name(self) -> str:
        return f"support_test_{self.run}_{secrets.token_hex(6)}"

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(self.superuser_dsn, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def database(self, *, template: str | None = None) -> AsyncIterator[DatabaseDsns]:
        """A database of its own, empty or a clone, dropped afterwards with whoever is still connected."""
        name = self.new_name()
        async with self.connect() as connection:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
            try:
                yield self.dsns(name)
            finally:
                await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def make_template(self) -> None:
        """Migrate the template, unless another worker of this run has done it."""
        from support_service.migrations import migrate  # tests that need no tables run while migrations are broken

        async with self.connect() as connection:
            await connection.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
            if await connection.fetchval("SELECT datistemplate FROM pg_database WHERE datname = $1", self.template):
                return
            await connection.execute(f"DROP DATABASE IF EXISTS {self.template}")
            await connection.execute(f"CREATE DATABASE {self.template} TEMPLATE template0")
            await connection.execute(f"CREATE ROLE {self.app_role} LOGIN PASSWORD '{self.app_password}'")
            dsns = self.dsns(self.template)
            await migrate(dsns.owner, app_dsn=dsns.app)
            await connection.execute(f"ALTER DATABASE {self.template} IS_TEMPLATE true ALLOW_CONNECTIONS false")

    async def sweep(self) -> None:
        """Take away what this run left on a server that is not ours."""
        async with self.connect() as connection:
            mine = f"support_test_{self.run}_%"
            for row in await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", mine):
                await connection.execute(f"ALTER DATABASE {row['datname']} IS_TEMPLATE false")
                await connection.execute(f"DROP DATABASE {row['datname']} WITH (FORCE)")
            await connection.execute(f"DROP ROLE IF EXISTS {self.app_role}")


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """The server of this run, started unless one is given; nothing of it stays."""
    run = secrets.token_hex(4)
    if given := os.environ.get(GIVEN_SERVER):
        server = Server(given, run)
        try:
            yield server
        finally:
            asyncio.run(server.sweep())
        return
    with tempfile.TemporaryDirectory(prefix="support-tests-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres", durable=False)
        try:
            postgres.start()
            yield Server(postgres.owner_dsn("postgres"), run)
        finally:
            postgres.remove()


def pytest_configure(config: pytest.Config) -> None:
    """With xdist the controller, which runs no test itself, starts the server for its workers."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None) or config.option.collectonly:
        return
    stack = contextlib.ExitStack()
    server = stack.enter_context(running_server())
    os.environ.update({_SERVER: server.superuser_dsn, _RUN: server.run})
    config.add_cleanup(stack.close)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The run's PostgreSQL server."""
    if _SERVER in os.environ:
        yield Server(os.environ[_SERVER], os.environ[_RUN])
        return
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres: Server) -> str:
    """The name of the run's migrated database, to be cloned; nobody may connect to it."""
    asyncio.run(postgres.make_template())
    return postgres.template


@pytest.fixture
async def empty_database_url(postgres: Server) -> AsyncIterator[str]:
    """The owner's URL of a database with nothing in it, for this test alone."""
    async with postgres.database() as dsns:
        yield dsns.owner


@pytest.fixture
async def database_dsns(postgres: Server, migrated_template: str) -> AsyncIterator[DatabaseDsns]:
    """A migrated database for this test alone."""
    async with postgres.database(template=migrated_template) as dsns:
        yield dsns
