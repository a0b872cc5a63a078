"""Readiness: a process waits for its lake's first answer, but not for a lake that is away."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from support.service import RunningService, another_api, eventually, serving
from support_service import wiring
from support_service.sources import warming


def asking(session: aiohttp.ClientSession, url: str, wanted: tuple[int, str]) -> Callable[[], Any]:
    async def asked() -> bool:
        async with session.get(f"{url}/readyz") as answer:
            return (answer.status, (await answer.json())["checks"]["lake"]) == wanted

    return asked


async def test_a_process_is_ready_once_its_lake_has_answered(service: RunningService) -> None:
    await eventually(asking(service.session, service.url, (200, "ok")))


async def test_a_silent_lake_holds_readiness_up_for_its_patience_and_no_longer(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "PATIENCE_S", 2.0)
    gone = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(stay_silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        silent = {"lake_url": SecretStr(f"postgresql://lake:lake@127.0.0.1:{port}/shop")}
        settings = service.api.settings.model_copy(update=silent)
        async with serving(wiring.Services(settings, name="test-silent")) as url:
            assert await asking(service.session, url, (503, "warming"))()
            await eventually(asking(service.session, url, (200, "timeout")))
            gone.set()


async def test_a_lake_that_is_away_is_said_to_be_and_said_to_be_back(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "_AGAIN_S", 0.1)
    await service.shop.stop_lake()
    async with another_api(service) as url:
        await eventually(asking(service.session, url, (200, "unavailable")))
        await service.shop.start_lake()
        await eventually(asking(service.session, url, (200, "ok")))
