"""Programs of the benchmarks that are run to a plan: `PROGRAM PLAN RESULT`.

One says "ready", is told line by line what to do, says "done", and leaves its result. `TakingPart` is such a program's own
side, in Python.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_READY_WITHIN_S = 60.0
_END_WITHIN_S = 60.0


class Running:
    """A program that has said that it is ready."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, result: Path) -> None:
        """A process with pipes, and where its result will be."""
        self._name = name
        self._process = process
        self._result = result

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self._process.pid

    async def tell(self, line: str) -> None:
        """Have it do something."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def says(self, line: str, within_s: float) -> None:
        """Wait for a line.

        Raises:
            RuntimeError: it says another, or ends.
            TimeoutError: it says nothing.
        """
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        if await asyncio.wait_for(self._process.stdout.readline(), within_s) != f"{line}\n".encode():
            raise RuntimeError(f"{self._name} failed; what it said stands above")

    async def result(self, within_s: float = _END_WITHIN_S) -> Any:
        """What it leaves, when it is done within that time."""
        await self.says("done", within_s)
        return await self.left()

    async def left(self) -> Any:
        """What it leaves when it has said that it is done, once it has ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), _END_WITHIN_S)
        return json.loads(self._result.read_text("utf-8"))


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str | Path],
    plan: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Running]:
    """Run a program to a plan; it is killed if it goes on at the end of the block.

    Args:
        name: of its files and in messages.
        command: the program and what comes before the plan.
        plan: what it is to do, as JSON knows it.
        folder: of the plan and the result.
        environment: of the process; this one's when None.

    Raises:
        RuntimeError: it did not get ready.
    """
    asked, result = folder / f"{name}-plan.json", folder / f"{name}-result.json"
    asked.write_text(json.dumps(plan), "utf-8")
    words, pipe = [str(word) for word in (*command, asked, result)], asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, env=environment)
    try:
        started = Running(name, process, result)
        await started.says("ready", _READY_WITHIN_S)
        yield started
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class TakingPart:
    """This process as a program that is run to a plan, which is given by the words that it was started with."""

    def __init__(self) -> None:
        """Read the plan."""
        self.plan: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))

    async def told(self) -> None:
        """Say that it is ready, and wait until it is told to go."""
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)

    async def done(self, result: object) -> None:
        """Leave the result, say so, and wait until that was looked at: CPU time is read while this process lives."""
        await asyncio.to_thread(Path(sys.argv[2]).write_text, json.dumps(result), "utf-8")
        _say("done")
        await asyncio.to_thread(sys.stdin.readline)


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
