"""Processes by pid and time of birth: a number alone may belong to a stranger by now."""

import atexit
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Endings = Sequence[tuple[signal.Signals, float]]
"""How to end a process: signals, each with the seconds to wait after it."""

_POLL_S: Final = 0.02
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")

_children: "dict[int, subprocess.Popen[bytes]]" = {}
"""Those that this process started: they are zombies until it looks after them."""


@atexit.register
def _let_them_go() -> None:
    """They are meant to outlive us; Popen warns of each whose end it was not told."""
    for child in _children.values():
        child.returncode = 0


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from a later one of the same number."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this number now; None when nobody has it."""
        born = _born(pid)
        return None if born is None else cls(pid, born)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        return _born(self.pid) == self.born

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end(self, endings: Endings) -> bool:
        """End it, and what is left of its process group; False when it outlived every ending."""
        if not self.alive:
            return True
        for number, patience_s in endings:
            self.send(signal.SIGCONT)  # a stopped process would take a SIGTERM only when it goes on
            self.send(number)
            if self.gone_within(patience_s):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                return True
        return False

    def gone_within(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def resident_mb(self) -> float:
        """What it and its descendants hold in memory, in MB; shared pages are counted once where the system tells."""
        return sum(_memory_kb(pid) for pid in _family(self.pid)) / 1024 if self.alive else 0.0


def spawn(
    command: Sequence[str | Path], *, log: Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> Process:
    """Start a program in a session of its own, so that it outlives us, its output going to `log`.

    Args:
        command: the program and its arguments, no shell.
        log: appended to; only its owner may read it.
        cwd: where it works.
        environment: added to PATH, HOME and LANG; nothing else of ours is handed down.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as output:
        child = subprocess.Popen(  # noqa: S603 - a component's own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=kept | dict(environment or {}),
            start_new_session=True,
        )
    _children[child.pid] = child
    return Process(child.pid, _born(child.pid) or "gone")


def _born(pid: int) -> str | None:
    """When a running process was born, in whatever words the system has for it; None for a dead one."""
    if _BOOT.exists():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            # The first thread of a killed JVM is dead before the others, which hold its port until they are, too.
            dead = fields[0] in {"Z", "X"} and int(fields[17]) <= 1
            return None if dead else f"{_BOOT.read_text('ascii').strip()}/{fields[19]}"
        return None
    said = _ps("stat=,lstart=", pid)
    return None if not said or said.startswith("Z") else " ".join(said.split()[1:])


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def _memory_kb(pid: int) -> int:
    for file, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/{file}").read_text("ascii", "replace").splitlines():
                if line.startswith(field):
                    return int(line.split()[1])
    said = "" if _BOOT.exists() else _ps("rss=", pid)
    return int(said) if said else 0


def _ps(columns: str, pid: int) -> str:
    done = subprocess.run(  # noqa: S603 - no shell, a number
        ["/bin/ps", "-o", columns, "-p", str(pid)], check=False, capture_output=True, text=True, timeout=5
    )
    return done.stdout.strip()
