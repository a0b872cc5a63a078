"""Two API processes on ports of their own, as `support-service api` starts them."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from bench.bed import Bed
from bench.processes import HOST, Program, free_port
from bench.rivals import plain_del
from support_service import wiring
from support_service.config import Settings


@dataclass(frozen=True, slots=True)
class Apis:
    """Two API processes."""

    addresses: Sequence[str]
    services: wiring.Services
    """Their like in this process, for the intake."""


@contextlib.asynccontextmanager
async def two_apis(bed: Bed, *, plain: bool = False) -> AsyncIterator[Apis]:
    """Two API processes, each on its port, with our caches or with plain ones."""
    words = (
        ["bench.rivals.serve", "bench.rivals.plain_del:create_app"]
        if plain
        else ["support_service.entrypoints.cli", "api"]
    )
    build: Callable[..., wiring.Services] = plain_del.services if plain else wiring.Services
    settings = Settings.model_validate({name.lower(): value for name, value in bed.settings.items()})
    services = build(settings, name="bench-intake")
    addresses = []
    with contextlib.ExitStack() as stack:
        for n in range(2):
            port = free_port()
            environment = {**bed.settings, "PORT": str(port), "API_WORKERS": "1"}
            name = f"api-{'plain' if plain else 'ours'}-{n}"
            program = stack.enter_context(Program(name, [sys.executable, "-m", *words], environment, bed.logs))
            await asyncio.to_thread(program.until_answers, f"http://{HOST}:{port}/readyz")
            addresses.append(f"{HOST}:{port}")
        try:
            yield Apis(addresses, services)
        finally:
            await services.close()
