"""PostgreSQL 18 from the wheel that the service itself embeds, over TCP.

It holds a database for each service of the shop, as the shop's services would have their own: `shop_orders`,
`shop_payments`, `shop_shipments`, `shop_fraud`, `shop_feedback`, each with that service's one table in schema `shop` and
readable by the role `lake`. WAL is logical from the start, so that change data capture can join.
"""

import asyncio
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

import asyncpg
from tools.stack.cache import Cache
from tools.stack.catalogs import LAKE_ROLE, schema_of, shop_databases
from tools.stack.component import Component, Facts, Site
from tools.stack.errors import Missing, StackError
from tools.stack.ports import HOST
from tools.stack.processes import Process
from tools.stack.records import write_private

from support_service.adapters.embedded.postgres import EmbeddedPostgres, EmbeddedPostgresError
from support_service.adapters.embedded.postgres.programs import programs

_DEADLINE_S: Final = 75.0
_START: Final = """
import sys
from pathlib import Path
from support_service.adapters.embedded.postgres import EmbeddedPostgres
folder, port, durable = sys.argv[1:]
EmbeddedPostgres(Path(folder), port=int(port), durable=durable == "yes", wal_level="logical").start()
"""
"""In a process that ends and so lets go of the data's lock: whichever process asks later may end or start it again."""


class Postgres(Component):
    """One server; `url` is the superuser's, of the database `postgres`."""

    name = "postgres"
    title = "PostgreSQL 18"
    size = "nothing: it came with the service"
    settings: ClassVar[Mapping[str, str]] = {"durable": "yes"}
    """`no` gives up surviving a crash of the machine, for speed; for tests."""
    ready_deadline_s = _DEADLINE_S
    endings = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 1.0))

    def provisioned(self, cache: Cache) -> bool:
        return True

    def provision(self, cache: Cache) -> None:
        try:
            programs()
        except EmbeddedPostgresError as error:
            raise Missing(str(error)) from error

    def start(self, site: Site) -> Process:
        arguments = (str(_data(site)), str(site.ports["main"]), site.settings["durable"])
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", _START, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
        )
        site.log.write_text(done.stderr, "utf-8")
        if done.returncode:
            raise StackError(f"{self.title} did not start:\n{done.stderr.strip()[-1500:]}")
        server = EmbeddedPostgres(_data(site))
        site.log.write_text(f"see {server.log_file}\n", "utf-8")
        pid = int((server.home / "pgdata" / "postmaster.pid").read_text("ascii").split()[0])
        process = Process.of(pid)
        if process is None:
            raise StackError(f"{self.title} ended at once; see {server.log_file}")
        return process

    def ready(self, site: Site) -> bool:
        return True  # EmbeddedPostgres returns no sooner

    def settle(self, site: Site) -> Facts:
        password = _kept_secret(site.folder / "lake-password")
        server = f"{HOST}:{site.ports['main']}"
        owner = (EmbeddedPostgres(_data(site)).home / "owner-password").read_text("utf-8")
        url = f"postgresql://support_owner:{owner}@{server}/postgres"
        asyncio.run(_make_databases(url, password))
        databases = {database: urlsplit(url)._replace(path=f"/{database}").geturl() for database in shop_databases()}
        return {"url": url, "server": server, "lake_role": LAKE_ROLE, "lake_password": password, **databases}

    def erase(self, site: Site) -> None:
        EmbeddedPostgres(_data(site)).remove()


def _data(site: Site) -> Path:
    return site.folder / "data"


def _kept_secret(file: Path) -> str:
    if not file.exists():
        write_private(file, secrets.token_hex(24))
    return file.read_text("utf-8")


async def _make_databases(url: str, password: str) -> None:
    server = await asyncpg.connect(url, timeout=10)
    try:
        if not await server.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", LAKE_ROLE):
            await server.execute(f"CREATE ROLE {LAKE_ROLE}")
        await server.execute(f"ALTER ROLE {LAKE_ROLE} LOGIN PASSWORD '{password}'")
        there = {row["datname"] for row in await server.fetch("SELECT datname FROM pg_database")}
        for name in shop_databases().keys() - there:
            await server.execute(f"CREATE DATABASE {name}")
    finally:
        await server.close()
    for name, table in shop_databases().items():
        database = await asyncpg.connect(urlsplit(url)._replace(path=f"/{name}").geturl(), timeout=10)
        try:
            await database.execute(schema_of(table))
        finally:
            await database.close()


COMPONENT = Postgres()
