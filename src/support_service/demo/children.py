"""The demo's own processes: started with their settings by environment, each with a log file, ended in order."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from support_service.demo.state import DemoFolder

END_PATIENCE_S = 5.0
"""How long processes may take to end in order before they are killed, in seconds."""
_POLL_S = 0.05


class Guardian:
    """Tells the guardian process what to end should this process be killed."""

    def __init__(self, folder: DemoFolder) -> None:
        """Start it."""
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
            [sys.executable, "-m", "support_service.demo.guardian", str(folder.state_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def tell(self, word: str, pid: int) -> None:
        """Say `child`, `server` or `forget` of a process; a guardian that is gone is done without."""
        assert self._process.stdin is not None  # noqa: S101 - opened above
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{word} {pid}\n".encode())
            self._process.stdin.flush()

    def dismiss(self) -> None:
        """Let it end, after it was told to forget everything."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


class Child:
    """One process of the demo: a module run by this interpreter, in a process group of its own."""

    def __init__(
        self, name: str, module: Sequence[str], environment: Mapping[str, str], folder: DemoFolder, guardian: Guardian
    ) -> None:
        """Nothing is started yet.

        Args:
            name: for people, and of the log file.
            module: what follows `python -m`: a module's name and its arguments.
            environment: all of it.
            folder: where the log goes.
            guardian: learns what is to be ended should this process be killed.
        """
        self.name = name
        self.log_file = folder.logs / f"{name}.log"
        self._command = [sys.executable, "-m", *module]
        self._environment = dict(environment)
        self._guardian = guardian
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        process = self._process  # taken once: a second Ctrl-C ends processes while another thread waits for them
        return process is not None and process.poll() is None

    @property
    def died(self) -> int | None:
        """The exit code of a process that ended without being asked to, else None."""
        process = self._process
        return None if process is None else process.poll()

    def start(self) -> None:
        """Start it, its output going to its log; the log of the start before stays beside it with `.1`."""
        with contextlib.suppress(FileNotFoundError):
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        self._guardian.tell("child", self._process.pid)

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process, which ends its workers itself."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def end_by_force(self) -> None:
        """Kill what is left of its process group; also makes sure that no worker outlives it."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._guardian.tell("forget", process.pid)


def end_all(children: Iterable[Child], *, patience_s: float = END_PATIENCE_S) -> None:
    """End these together: asked first, by force after the patience has run out."""
    asked = list(children)
    deadline = time.monotonic() + patience_s
    for child in asked:
        child.ask_to_end()
    while any(child.running for child in asked) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    for child in asked:
        child.end_by_force()
