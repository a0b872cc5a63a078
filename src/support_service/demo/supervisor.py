"""`support-service demo`: starts everything, keeps it running while a person looks, and ends everything it started.

    PostgreSQL -> databases, roles, migrations, the shop's data -> shop-rest, shop-feed, worker, api -> cases

A process that dies is reported and started again, a few times. Which parts should run is read from `wanted.json`
(`switch.py`), and what is true written to `state.json`. Ctrl-C, SIGTERM and a closed terminal end it in order, the
second Ctrl-C hurries; should it be killed, the guardian ends what is left.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from rich.console import Console

from support_service import migrations
from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.adapters.embedded.postgres import EmbeddedPostgres, EmbeddedPostgresError
from support_service.demo import screen
from support_service.demo.cases import ensure_cases
from support_service.demo.children import END_PATIENCE_S, Child, Guardian, end_all
from support_service.demo.cluster import Cluster
from support_service.demo.environment import HOST, Addresses, environment, settings_of
from support_service.demo.olist_files import OlistError
from support_service.demo.state import PARTS, DemoFolder, DemoState
from support_service.demo.stock import choice_of, gather
from support_service.demo.switch import AUDIENCE
from support_service.demo.tables import stock_shop, stocked_with
from support_service.kit.clock import SystemClock
from support_service.kit.problems import Problem

_CLI = "support_service.entrypoints.cli"
_CHILD_OF = {"rest": "shop-rest", "events": "shop-feed"}
_ANSWERS_WITHIN_S = 120.0
_POLL_S = 0.1
_LOOK_EVERY_S = 0.2
_MOST_RESTARTS = 3


class DemoFailed(Exception):  # noqa: N818 - told to the person who started it
    """The demo cannot go on."""


def run(*, port: int, olist: Path | None, seed: int, folder: DemoFolder | None = None) -> int:
    """Run the demo in the foreground until it is told to end.

    Args:
        port: of the API and its page, on 127.0.0.1.
        olist: folder with Olist's CSV files; None takes the simulated shop.
        seed: of the simulated shop, and of what happens in it.
        folder: where the demo keeps its things; `.demo` of this checkout when absent.

    Returns:
        The exit code: 0 when it was told to end, 1 when it could not go on.
    """
    return asyncio.run(Supervisor(folder or DemoFolder.of_this_checkout(), port=port, olist=olist, seed=seed).main())


class Supervisor:
    """One run of the demo."""

    def __init__(self, folder: DemoFolder, *, port: int, olist: Path | None, seed: int) -> None:
        """Nothing is started yet."""
        self._folder = folder
        self._port = port
        self._olist = olist
        self._seed = seed
        self._console = Console(highlight=False, soft_wrap=True)
        self._postgres = EmbeddedPostgres(folder.postgres)
        self._cluster = Cluster(self._postgres)
        self._guardian: Guardian | None = None
        self._children: dict[str, Child] = {}
        self._restarts: Counter[str] = Counter()
        self._parts = dict.fromkeys(PARTS, True)
        self._starting: asyncio.Future[None] | None = None
        self._opening: asyncio.Future[int] | None = None
        self._server_pid: int | None = None
        self._hurry = False

    async def main(self) -> int:
        """Run until a signal comes; returns the exit code."""
        work = asyncio.create_task(self._work())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_end, work)
        code = 0
        try:
            await work
        except asyncio.CancelledError:
            self._console.print("\nEnding everything ...")
        except (DemoFailed, EmbeddedPostgresError, OlistError, Problem) as error:
            self._console.print(f"[bold red]The demo cannot go on:[/] {error}")
            code = 1
        finally:
            await self._end()
        return code

    def _told_to_end(self, work: "asyncio.Task[None]") -> None:
        if work.cancelling():
            self._hurry = True
            for child in self._children.values():
                child.end_by_force()
        work.cancel()

    async def _work(self) -> None:
        if (running := self._folder.read_state()) is not None:
            raise DemoFailed(f"one is running in this checkout already: {running.url}")
        _require_free(self._port)
        self._folder.make()
        self._console.print("Starting PostgreSQL ...", style="dim")
        self._starting = asyncio.ensure_future(asyncio.to_thread(self._postgres.start))
        await asyncio.shield(self._starting)
        self._guardian = Guardian(self._folder)
        await self._prepare(self._guardian)
        LocalIssuer.from_file(self._folder.issuer_key, audience=AUDIENCE, clock=SystemClock())
        addresses = Addresses(
            api=self._port, shop=_free_port(), metrics=_free_port(), shop_token=secrets.token_urlsafe(24)
        )
        self._start_children(self._guardian, addresses)
        await self._until_answers(f"{addresses.url}/readyz")
        self._say_state(addresses.url)
        self._opening = asyncio.ensure_future(self._open_cases(addresses.url))
        while True:
            await self._look(addresses)
            if self._opening is not None and self._opening.done():
                cases, self._opening = self._opening.result(), None
                screen.say_ready(self._console, url=addresses.url, cases=cases, logs=self._folder.logs)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _prepare(self, guardian: Guardian) -> None:
        """Databases, roles, tables, the service's schema, and the shop's data."""
        await self._cluster.prepare()
        self._server_pid = await self._cluster.server_pid()
        guardian.tell("server", self._server_pid)
        choice = choice_of(self._olist, self._seed)
        stocked_before = await stocked_with(self._cluster.shop)
        if stocked_before == choice:
            await migrations.migrate(self._cluster.owner_dsn, app_dsn=self._cluster.app_dsn)
            return
        now = datetime.now(UTC)
        stock = gather(olist=self._olist, seed=self._seed, now=now)
        if stocked_before is not None:
            self._console.print(f"The shop had {stocked_before}; starting fresh, cases included.")
            await self._cluster.start_over()
        self._console.print("Stocking the shop ...", style="dim")
        await migrations.migrate(self._cluster.owner_dsn, app_dsn=self._cluster.app_dsn)
        stocked = await stock_shop(self._cluster.shop, stock.customers, stock.facts, choice=choice, now=now)
        screen.say_stocked(self._console, stocked, stock.passed_over, choice)

    def _start_children(self, guardian: Guardian, addresses: Addresses) -> None:
        settings = settings_of(self._cluster, self._folder, addresses, seed=self._seed)
        self._folder.write_settings(settings)
        for name, module in _modules(addresses).items():
            self._children[name] = Child(name, module, environment(settings), self._folder, guardian)
            self._children[name].start()

    async def _until_answers(self, url: str) -> None:
        deadline = asyncio.get_running_loop().time() + _ANSWERS_WITHIN_S
        while not await asyncio.to_thread(_answers, url):
            self._mend()
            if asyncio.get_running_loop().time() > deadline:
                raise DemoFailed(f"{url} does not answer; what the processes said is in {self._folder.logs}")
            await asyncio.sleep(_POLL_S)

    async def _open_cases(self, url: str) -> int:
        """Open the demo's cases when the shop is new; returns how many there are, 0 when it did not work."""
        try:
            return await ensure_cases(self._cluster.shop, url=url, issuer_key=self._folder.issuer_key)
        except (OSError, Problem) as error:
            self._console.print(f"[yellow]The cases could not be opened:[/] {error}")
            return 0

    async def _look(self, addresses: Addresses) -> None:
        """Make true what is wanted, and start again what died."""
        wanted = self._folder.read_wanted()
        for part in PARTS:
            if wanted[part] != self._parts[part]:
                await self._let(addresses, part, run=wanted[part])
                self._parts[part] = wanted[part]
                self._say_state(addresses.url)
                self._console.print(f"{part} {'started' if wanted[part] else 'stopped'}")
        self._mend()

    async def _let(self, addresses: Addresses, part: str, *, run: bool) -> None:
        if part == "lake":
            await self._cluster.let_lake(run=run)
            return
        child = self._children[_CHILD_OF[part]]
        if not run:
            await asyncio.to_thread(end_all, [child])
            return
        child.start()
        if part == "rest":
            await self._until_answers(f"{addresses.shop_url}/orders/health")

    def _mend(self) -> None:
        for child in self._children.values():
            if child.died is None:
                continue
            self._restarts[child.name] += 1
            told = f"{child.name} ended by itself (exit code {child.died}); its log is {child.log_file}"
            if self._restarts[child.name] > _MOST_RESTARTS:
                raise DemoFailed(f"{told}, after {_MOST_RESTARTS} more tries")
            self._console.print(f"[yellow]{told}; starting it again[/]")
            child.end_by_force()
            child.start()

    def _say_state(self, url: str) -> None:
        self._folder.write_state(DemoState(os.getpid(), url, str(self._folder.issuer_key), dict(self._parts)))

    async def _end(self) -> None:
        """End everything that was started, the database last."""
        if self._starting is None:
            return
        if self._opening is not None:
            self._opening.cancel()
        with contextlib.suppress(EmbeddedPostgresError):
            await self._starting
        patience_s = 0 if self._hurry else END_PATIENCE_S
        await asyncio.to_thread(end_all, list(self._children.values()), patience_s=patience_s)
        await self._cluster.close()
        await asyncio.to_thread(self._postgres.stop)
        if self._guardian is not None:
            if self._server_pid is not None:
                self._guardian.tell("forget", self._server_pid)
            self._guardian.dismiss()
        self._folder.forget_state()


def _modules(addresses: Addresses) -> dict[str, list[str]]:
    """The processes, in the order in which they are started, each as `python -m` takes it."""
    server = ["--interface", "asgi", "--factory", "--host", HOST, "--port", str(addresses.shop), "--no-log"]
    return {
        "shop-rest": ["granian", *server, "support_service.demo.rest:create_app"],
        "api": [_CLI, "api"],
        "worker": [_CLI, "worker"],
        "shop-feed": ["support_service.demo.feed"],
    }


def _answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DemoFailed(f"port {port} is taken; choose another: make demo PORT={port + 1}") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
