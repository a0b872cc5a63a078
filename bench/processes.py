"""Processes of a benchmark: started with a log each, ended by their pids with everything below them."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_END_PATIENCE_S = 10.0
_POLL_S = 0.05


class NotReady(Exception):  # noqa: N818 - told to the person who measures
    """A process did not come up."""


class Program:
    """One process in a session of its own; use it as a context manager and it is ended, whatever happens."""

    def __init__(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], logs: Path) -> None:
        """Start it; what it says goes to `<logs>/<name>.log`."""
        self.name = name
        self.log = logs / f"{name}.log"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the benchmark's own programs, no shell
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended: its exit status, a signal's number below zero; None while it runs."""
        return self._process.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ask it to end, wait, then end what is left of its process group by force."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_PATIENCE_S)
        self.kill()

    def kill(self) -> None:
        """End it and what is left of its process group by force, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def until_answers(self, url: str, *, within_s: float = 60.0) -> None:
        """Wait until a GET of `url` is answered with less than 500.

        Raises:
            NotReady: it ended, or did not answer in time; the end of its log is in the message.
        """
        deadline = time.monotonic() + within_s
        while not _answers(url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NotReady(f"{self.name} does not answer:\n{self.log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(_POLL_S)


def free_port() -> int:
    """A TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500  # noqa: PLR2004 - the server's own faults begin there
    except OSError:
        return False
