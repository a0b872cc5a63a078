"""The whole service, running in this process on a database and a shop of a test's own: API over HTTP, worker, shop REST."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import uvicorn
from granian.constants import HTTPModes
from granian.server.embed import Server

from support.documented import undocumented
from support.postgres import DatabaseDsns
from support.shop import Shop, open_shop, serve_rest
from support_service import wiring
from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.config import Settings
from support_service.entrypoints.application import Application
from support_service.entrypoints.http import application
from support_service.entrypoints.worker import work
from support_service.kit.clock import SystemClock

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, decoded."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Person:
    """Somebody who uses the API with a token."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a request; header names are given with underscores."""
        sent = {"authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, json=body, headers=sent) as answer:
            is_json = "json" in answer.headers.get("content-type", "")
            found = await answer.json(content_type=None) if is_json else await answer.text()
            return Answer(answer.status, found, answer.headers)

    async def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body

    async def open_case(self, **fields: object) -> Any:
        """Open a case; what is not given is plausible."""
        body = {"customer_id": "c-1", "channel": "WEB", "subject": "Where is it?", "description": "It is late."}
        answer = await self.ask("POST", "/support/cases", body | fields)
        assert answer.status == 201, answer
        return answer.body

    async def say(self, ticket_id: str, message: str, **fields: object) -> Answer:
        """Post a message."""
        return await self.ask("POST", f"/support/cases/{ticket_id}/messages", {"message": message, **fields})

    async def timeline(self, ticket_id: str) -> Any:
        """The first page of a case's timeline."""
        return await self.get(f"/support/cases/{ticket_id}/timeline")


@dataclass(slots=True)
class RunningService:
    """The service of one test."""

    url: str
    issuer: LocalIssuer
    shop: Shop
    api: wiring.Services
    worker: wiring.Services
    session: aiohttp.ClientSession
    stop_rest: Callable[[], Any]
    start_rest: Callable[[], Any]
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, *roles: str, teams: tuple[str, ...] = (), subject: str | None = None) -> Person:
        """Somebody new with these roles and teams; the same one again when a subject is given again."""
        subject = subject or f"p-{uuid4()}"
        token = self.issuer.token(
            subject=subject, name=f"Name of {subject}", email=f"{subject}@example.com", roles=roles, teams=teams
        )
        return Person(self.session, self.url, token)


async def eventually(check: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """Await `check()` until it gives something true, and give that."""
    async with asyncio.timeout(within_s):
        while not (found := await check()):
            await asyncio.sleep(0.05)
    return found


async def worked_off(services: wiring.Services) -> None:
    """Let the relay, the followers and due work of a database without a worker do what there is to do."""
    while await services.relay.step():
        pass
    for follower in services.followers:
        while await follower.step():
            pass
    while await services.due.step():
        pass


def settings_for(dsns: DatabaseDsns, shop: Shop, base_url: str, key: Path, token: str, **others: object) -> Settings:
    """The settings of a service, on embedded parts unless others are given; the environment has no say."""
    return Settings.model_validate(
        {"blobs_directory": key.parent / "blobs", "blobs_secret": "blobs " * 8}
        | {
            "demo": True,
            "database_url": dsns.app,
            "lake_url": shop.lake_dsn,
            "shop_api_url": base_url,
            "shop_api_token": token,
            "shop_events_url": shop.events_dsn,
            "local_issuer_key": key,
            "timeline_window_days": 7300,
        }
        | others
    )


class _RestSwitch:
    """The shop's REST services, to be stopped and started on the same port."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._stack = contextlib.AsyncExitStack()
        self.base_url = ""
        self.token = ""

    async def start(self) -> None:
        port = int(self.base_url.rpartition(":")[2]) if self.base_url else 0
        served = await self._stack.enter_async_context(serve_rest(self._shop, port))
        self.base_url, self.token = served.base_url, served.token

    async def stop(self) -> None:
        await self._stack.aclose()


@contextlib.asynccontextmanager
async def serving(services: wiring.Services) -> AsyncIterator[str]:
    """Serve the API over these services on 127.0.0.1 in this process, by its own server; gives its address."""
    app = application(services)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        # The server shares its port with whoever lets it: held by this socket, no other test is given it meanwhile.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        async with app.lifespan, _listening(app, held.getsockname()[1]) as url:
            yield url


@contextlib.asynccontextmanager
async def _listening(app: Application, port: int) -> AsyncIterator[str]:
    server = Server(_OnThisLoop(app), port=port, http=HTTPModes.http1, websockets=False, log_enabled=False)
    running = asyncio.create_task(server.serve())
    try:
        await _until_open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()  # type: ignore[no-untyped-call] # theirs
        await running


class _OnThisLoop:
    """An application whose beginning and end are not the server's, which would run them on a loop of its own."""

    def __init__(self, app: Application) -> None:
        self.__rsgi__ = app.__rsgi__


async def _until_open(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving_asgi(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on 127.0.0.1 in this process, by another server; gives its address."""
    # The protocol is named, as asyncio turns Nagle's algorithm off only then: 40 ms an answer else.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
        running = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@contextlib.asynccontextmanager
async def running_service(
    dsns: DatabaseDsns, shop_dsn: str, folder: Path, *, with_worker: bool = True, asgi: bool = False, **others: object
) -> AsyncIterator[RunningService]:
    """Everything, for as long as the block runs; by another server that speaks ASGI if wanted."""
    async with open_shop(shop_dsn) as shop, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        rest = _RestSwitch(shop)
        await rest.start()
        settings = settings_for(dsns, shop, rest.base_url, folder / "issuer.pem", rest.token, **others)
        api = wiring.Services(settings, name="test-api")
        worker = wiring.Services(settings, name="test-worker")
        stop = asyncio.Event()
        working = asyncio.create_task(work(worker, stop)) if with_worker else None
        issuer = LocalIssuer.from_file(folder / "issuer.pem", audience=settings.oidc_audience, clock=SystemClock())
        try:
            async with serving_asgi(application(api)) if asgi else serving(api) as url:
                yield RunningService(url, issuer, shop, api, worker, session, rest.stop, rest.start)
                assert not (unknown := undocumented()), unknown
        finally:
            stop.set()
            if working is not None:
                await working
            await worker.close()
            await rest.stop()


@contextlib.asynccontextmanager
async def another_api(service: RunningService) -> AsyncIterator[str]:
    """A second API process in all but name: services and caches of its own, the same settings; gives its address."""
    async with serving(wiring.Services(service.api.settings, name="test-api-2")) as url:
        yield url
