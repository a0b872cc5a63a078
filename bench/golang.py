"""The Go programs of the benchmarks, built once for each state of their sources, outside the checkout, and run to a plan.

`PROGRAM PLAN RESULT` says "ready", is told line by line what to do, says "done", ends, and leaves its result.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from tools.stack import Cache, Missing

_BUILD_DEADLINE_S = 600.0
_READY_WITHIN_S = 60.0
_END_WITHIN_S = 60.0


class Running:
    """A program that has said that it is ready."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, result: Path) -> None:
        """A process with pipes, and where its result will be."""
        self._name = name
        self._process = process
        self._result = result

    async def tell(self, line: str) -> None:
        """Have it do something."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def says(self, line: str, within_s: float) -> None:
        """Wait for a line.

        Raises:
            RuntimeError: it says another, or ends.
        """
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        if await asyncio.wait_for(self._process.stdout.readline(), within_s) != f"{line}\n".encode():
            raise RuntimeError(f"{self._name} failed; what it said stands above")

    async def result(self, within_s: float = _END_WITHIN_S) -> Any:
        """What it leaves, when it is done within that time."""
        await self.says("done", within_s)
        await asyncio.wait_for(self._process.wait(), _END_WITHIN_S)
        return json.loads(self._result.read_text("utf-8"))


@contextlib.asynccontextmanager
async def running(source: Path, plan: Mapping[str, Any], folder: Path) -> AsyncIterator[Running]:
    """Run the program of a Go module to a plan; it is killed if it goes on at the end of the block.

    Raises:
        RuntimeError: it did not get ready.
    """
    asked, result = folder / f"{source.name}-plan.json", folder / f"{source.name}-result.json"
    asked.write_text(json.dumps(plan), "utf-8")
    program, pipe = str(await asyncio.to_thread(built, source)), asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, str(asked), str(result), stdin=pipe, stdout=pipe)
    try:
        started = Running(source.name, process, result)
        await started.says("ready", _READY_WITHIN_S)
        yield started
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


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
