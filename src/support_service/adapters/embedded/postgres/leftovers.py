"""What a killed owner leaves behind: a running server, or the pid file of a dead one."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

_PATIENCE: Final = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 1.0))
"""How to end a server, and for how many seconds to wait: breaking off sessions, without a checkpoint, at once."""

_POLL_S: Final = 0.02


def pid_file(data: Path) -> list[str]:
    """The lines of postmaster.pid: pid, data directory, start time, port, socket folder, address, memory, status."""
    try:
        return (data / "postmaster.pid").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []


def end_left_over_server(data: Path) -> None:
    """End the server that a killed owner left running on this data."""
    lines = pid_file(data)
    if not lines:
        return
    pid = int(lines[0])
    for how, patience_s in _PATIENCE:
        if not _serves(pid, data):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + patience_s
        while _serves(pid, data) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    if _alive(pid) and not _serves(pid, data):
        # Its number went to a stranger, for whom PostgreSQL would wait for ever. (When the number is free the file
        # stays: PostgreSQL checks by it that no backend of the dead server lives on.)
        (data / "postmaster.pid").unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL server of this data: it works in that folder."""
    if Path("/proc/self/cwd").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
        return False
    listed = subprocess.run(  # noqa: S603 - no shell, a number
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True, timeout=5
    )
    return str(data) in listed.stdout


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
