"""The Go programs of the benchmarks, built once for each state of their sources, outside the checkout, and run to a plan."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from tools.stack import Cache, Missing

from bench import piped
from bench.piped import Running

_BUILD_DEADLINE_S = 600.0


@contextlib.asynccontextmanager
async def running(source: Path, plan: Mapping[str, Any], folder: Path) -> AsyncIterator[Running]:
    """Run the program of a Go module to a plan; it is killed if it goes on at the end of the block.

    Raises:
        RuntimeError: it did not get ready.
    """
    program = await asyncio.to_thread(built, source)
    async with piped.running(source.name, [program], plan, folder) as started:
        yield started


def built(source: Path, cache: Cache | None = None) -> Path:
    """The program of the Go module in this folder.

    Raises:
        Missing: there is no `go`, or it cannot build it.
    """
    texts = sorted(path for path in source.iterdir() if path.suffix in {".go", ".mod", ".sum"})
    state = sha256(b"\0".join(path.read_bytes() for path in texts)).hexdigest()[:16]
    return (cache or Cache()).entry(f"bench-{source.name}-{state}", lambda place: _build(source, place)) / "program"


def _build(source: Path, place: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise Missing(
            "the benchmarks' load generator and one of the rivals need Go (Debian and Ubuntu: apt install golang)"
        )
    done = subprocess.run(  # noqa: S603 - fixed words
        [go, "build", "-buildvcs=false", "-o", str(place / "program"), "."],
        cwd=source,
        env=os.environ | {"CGO_ENABLED": "0"},
        check=False,
        capture_output=True,
        text=True,
        timeout=_BUILD_DEADLINE_S,
    )
    if done.returncode:
        raise Missing(f"go build of {source.name} failed:\n{done.stderr[-2000:]}")
