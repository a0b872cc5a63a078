"""django-helpdesk under gunicorn, in a virtual environment of its own: made from a hashed lock, once for each state of it."""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.stack import Cache, Missing

from bench.bed import Bed
from bench.processes import HOST, Program, free_port
from bench.results import CHECKOUT

WORKERS = 2
_LOCK = CHECKOUT / "requirements" / "peer.txt"
_PROJECT = Path(__file__).parent / "rivals" / "helpdesk"
_BUILD_DEADLINE_S = 600.0
_FILL_DEADLINE_S = 300.0
_LONGEST_REQUEST_S = 300
_ROLE = "helpdesk"


@dataclass(frozen=True, slots=True)
class Helpdesk:
    """A running django-helpdesk."""

    address: str
    pid: int
    url: str
    """Of its database."""
    token: str
    queue: int
    tickets: Sequence[int]


def python() -> Path:
    """The interpreter of its environment.

    Raises:
        Missing: it cannot be made.
    """
    state = sha256(_LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    return Cache().entry(f"bench-helpdesk-{state}", _build) / "bin" / "python"


def _build(place: Path) -> None:
    install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--requirement",
        _LOCK,
    ]
    for words in ([sys.executable, "-m", "venv", place], [place / "bin" / "python", *install]):
        done = subprocess.run(  # noqa: S603 - fixed words
            list(map(str, words)), check=False, capture_output=True, text=True, timeout=_BUILD_DEADLINE_S
        )
        if done.returncode:
            raise Missing(f"the environment of django-helpdesk cannot be made:\n{done.stderr[-2000:]}")


@contextlib.asynccontextmanager
async def running(bed: Bed, tickets: int, messages: int, text: str, *, threads: int = 0) -> AsyncIterator[Helpdesk]:
    """django-helpdesk on a database of its own in our PostgreSQL.

    Args:
        bed: whose PostgreSQL it is.
        tickets: how many there are.
        messages: follow-ups of each.
        text: of each ticket and follow-up.
        threads: of each of its workers; 0: workers that do one request at a time, without any.
    """
    interpreter = await asyncio.to_thread(python)
    database, password = f"helpdesk_{tickets}", secrets.token_hex(16)
    async with bed.shop_database.connection() as server:
        await server.execute(f"DROP DATABASE IF EXISTS {database}")
        await server.execute(f"DROP ROLE IF EXISTS {_ROLE}")
        await server.execute(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{password}'")
        await server.execute(f"CREATE DATABASE {database} OWNER {_ROLE}")
    where = urlsplit(bed.settings["DATABASE_URL"])
    url = f"postgresql://{_ROLE}:{password}@{where.hostname}:{where.port}/{database}"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "project",
        "HELPDESK_DATABASE": url,
        "HELPDESK_SECRET": secrets.token_hex(32),
        "PYTHONPATH": str(_PROJECT),
    }
    told = await asyncio.to_thread(
        _prepare, [interpreter, _PROJECT / "prepare.py", tickets, messages, text], environment
    )
    port = free_port()
    words: list[str | Path] = [interpreter, "-m", "gunicorn", "wsgi:application", f"--bind={HOST}:{port}", "--preload"]
    words += [f"--workers={WORKERS}", f"--timeout={_LONGEST_REQUEST_S}", "--no-control-socket", "--log-level=error"]
    words += ["--worker-class=gthread", f"--threads={threads}", "--keep-alive=60"] if threads else []
    with Program("helpdesk", words, environment, bed.logs) as program:
        await asyncio.to_thread(program.until_answers, f"http://{HOST}:{port}/api/tickets/")
        yield Helpdesk(f"{HOST}:{port}", program.pid, url, **told)
    async with bed.shop_database.connection() as server:
        await server.execute(f"DROP DATABASE {database} WITH (FORCE)")


def _prepare(words: Sequence[object], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own script
        list(map(str, words)), check=False, capture_output=True, text=True, timeout=_FILL_DEADLINE_S, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"django-helpdesk could not be filled:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told
