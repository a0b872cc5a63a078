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
_POOL = {"fastapi": 32, "asgi": 32, "go": 20}
"""Connections to Redis of each process: what gave each rival the most requests for its CPU time; see docs/benchmarks.md."""


class Rival:
    """A running rival."""

    def __init__(self, name: str, program: Program, address: str, roots: dict[str, int]) -> None:
        self.name = name
        self.program = program
        self.address = address
        self.roots = roots
        """Its processes and its Redis."""


def start(name: str, redis_url: str, redis_pid: int, logs: Path, *, pool: int | None = None) -> Rival:
    """Start `fastapi`, `asgi` or `go` and wait until it answers."""
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
        command = [sys.executable, "-m", "bench.rivals.serve", f"bench.rivals.{name}_redis:app"]
    program = Program(f"rival-{name}", command, environment, logs)
    program.until_answers(f"http://{address}/support/cases/none/timeline")
    return Rival(name, program, address, {name: program.pid, "redis": redis_pid})


async def fill(redis_url: str, bodies: Mapping[str, str]) -> None:
    """Put the bodies into the rivals' Redis."""
    async with Redis.from_url(redis_url) as store:
        await store.mset(bodies)
