"""Starts the rivals and fills their Redis."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from redis.asyncio import Redis

from bench.golang import built
from bench.processes import HOST, Program, free_port

WORKERS = 2
_GO = Path(__file__).with_name("go")
_MODULES = {"fastapi": "fastapi_redis", "asgi": "asgi_redis", "bare": "bare_asgi"}
_POOL = {"fastapi": 32, "asgi": 32, "bare": 1, "go": 20}
"""Connections to Redis of each process: what gave each rival the most requests for its CPU time; see docs/benchmarks.md."""


class Rival:
    """A running rival."""

    def __init__(self, name: str, program: Program, address: str, roots: dict[str, int]) -> None:
        self.name = name
        self.program = program
        self.address = address
        self.roots = roots
        """Its processes and, if it asks one, its Redis."""


def start(name: str, redis_url: str, redis_pid: int, logs: Path, *, pool: int | None = None) -> Rival:
    """Start `fastapi`, `asgi`, `bare` or `go` and wait until it answers; `bare` has read the bodies by then."""
    port = free_port()
    address = f"{HOST}:{port}"
    environment = os.environ | {
        "ADDRESS": address,
        "REDIS": redis_url,
        "POOL": str(pool or _POOL[name]),
        "HOST": HOST,
        "PORT": str(port),
        "API_WORKERS": str(WORKERS),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1/none",  # a setting that has to be there; a rival never asks it
        "LOG_LEVEL": "error",
    }
    if name == "go":
        command: list[str | Path] = [built(_GO)]
    else:
        command = [sys.executable, "-m", "bench.rivals.serve", f"bench.rivals.{_MODULES[name]}:app"]
    program = Program(f"rival-{name}", command, environment, logs)
    program.until_answers(f"http://{address}/support/cases/none/timeline")
    roots = {name: program.pid}
    return Rival(name, program, address, roots if name == "bare" else roots | {"redis": redis_pid})


async def fill(redis_url: str, bodies: Mapping[str, str]) -> None:
    """Put the bodies into the rivals' Redis."""
    async with Redis.from_url(redis_url) as store:
        await store.mset(bodies)
