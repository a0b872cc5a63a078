"""The demo's PostgreSQL: one server with the service's database and the shop's, and a role for each who comes in.

| role | may |
|---|---|
| support_app | what the service needs of its own database |
| support_shop | everything on the shop's tables: the REST services and the feed |
| support_events | read the shop's events and keep its place in them: the service's intake |
| support_lake | read the timeline view; its login is what `demo stop lake` takes away |

Passwords are new at every start; only the running demo's settings file holds them.
"""

import asyncio
import secrets
from importlib.resources import files

from support_service.adapters.embedded.postgres import EmbeddedPostgres
from support_service.demo.tables import TABLES, create_shop
from support_service.kit.database import Database
from support_service.sources import timeline_view_sql

SERVICE = "support"
SHOP = "shop"
VIEW = "lake.vw_support_case_timeline"
_APP, _SHOP_ROLE, _EVENTS_ROLE, _LAKE_ROLE = ROLES = ("support_app", "support_shop", "support_events", "support_lake")


class Cluster:
    """The running server as the demo sees it."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        """Use a server that `start` has brought up."""
        self._postgres = postgres
        self._passwords = {role: secrets.token_hex(16) for role in ROLES}
        self._shop: Database | None = None

    @property
    def app_dsn(self) -> str:
        """The service's database as the service."""
        return self._dsn(_APP, SERVICE)

    @property
    def owner_dsn(self) -> str:
        """The service's database as its owner."""
        return self._postgres.owner_dsn(SERVICE)

    @property
    def shop_dsn(self) -> str:
        """The shop's database as the shop."""
        return self._dsn(_SHOP_ROLE, SHOP)

    @property
    def events_dsn(self) -> str:
        """The shop's database as the reader of its events."""
        return self._dsn(_EVENTS_ROLE, SHOP)

    @property
    def lake_dsn(self) -> str:
        """The shop's database as the reader of the timeline view."""
        return self._dsn(_LAKE_ROLE, SHOP)

    @property
    def shop(self) -> Database:
        """The shop's database as the superuser, by one connection that is kept."""
        if self._shop is None:
            self._shop = self._as_owner(SHOP)
        return self._shop

    async def prepare(self) -> None:
        """Make what is missing of databases, roles, tables and the view; give every role a new password."""
        for name in (SERVICE, SHOP):
            await asyncio.to_thread(self._postgres.ensure_database, name)
        async with self.shop.transaction() as tx:
            for role, password in self._passwords.items():
                if await tx.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role) is None:
                    await tx.execute(f"CREATE ROLE {role}")
                await tx.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{password}'")
        await create_shop(self.shop)
        async with self.shop.transaction() as tx:
            await tx.execute("CREATE SCHEMA IF NOT EXISTS lake")
            await tx.execute(f"DROP VIEW IF EXISTS {VIEW}")
            await tx.execute(f"CREATE VIEW {VIEW} AS {timeline_view_sql(TABLES)}")
            await tx.execute(files("support_service.demo").joinpath("grants.sql").read_text("utf-8"))

    async def start_over(self) -> None:
        """Drop both databases and make them new and empty."""
        await self.close()
        postgres = self._as_owner("postgres")
        try:
            async with postgres.connection() as connection:
                for name in (SERVICE, SHOP):
                    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        finally:
            await postgres.close()
        await self.prepare()

    async def let_lake(self, *, run: bool) -> None:
        """Give the lake's role its login, or take it away and end its sessions."""
        async with self.shop.connection() as connection:
            await connection.execute(f"ALTER ROLE {_LAKE_ROLE} {'LOGIN' if run else 'NOLOGIN'}")
            if not run:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", _LAKE_ROLE
                )

    async def server_pid(self) -> int:
        """The process id of the server."""
        async with self.shop.connection() as connection:
            content = await connection.fetchval("SELECT pg_read_file('postmaster.pid')")
        return int(content.split()[0])

    async def close(self) -> None:
        """Let go of the connection."""
        shop, self._shop = self._shop, None
        if shop is not None:
            await shop.close()

    def _as_owner(self, database: str) -> Database:
        return Database(self._postgres.owner_dsn(database), name="demo", max_size=1, command_timeout_s=60)

    def _dsn(self, role: str, database: str) -> str:
        return self._postgres.dsn(role, self._passwords[role], database)
