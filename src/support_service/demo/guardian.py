"""The demo's guardian: a small process that ends what the demo started when the demo itself was killed.

It reads lines from its standard input, which the demo holds open: `child PID` and `server PID` to watch over a process
group or PostgreSQL, `forget PID` once that was ended in order. The end of the input means that the demo is gone; a
demo that ends in order has made it forget everything before.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

_PATIENCE_S = 4.0
_POLL_S = 0.05


def main() -> None:
    """Watch until the input ends. The one argument is the state file, removed when anything was left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it ends with its input, and with nothing else
    children: set[int] = set()
    servers: set[int] = set()
    for line in sys.stdin:
        word, _, number = line.partition(" ")
        pid = int(number)
        if word == "forget":
            children.discard(pid)
            servers.discard(pid)
        else:
            (children if word == "child" else servers).add(pid)
    end(children, os.killpg, (signal.SIGTERM, signal.SIGKILL))
    end(servers, os.kill, (signal.SIGINT, signal.SIGQUIT))
    if children or servers:
        Path(sys.argv[1]).unlink(missing_ok=True)


def end(pids: set[int], send: Callable[[int, int], None], ways: tuple[signal.Signals, ...]) -> None:
    """Signal processes, or process groups, one way after the other until none is left."""
    left = set(pids)
    for way in ways:
        deadline = time.monotonic() + _PATIENCE_S
        left = {pid for pid in left if _sent(send, pid, way)}
        while left and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            left = {pid for pid in left if _sent(send, pid, 0)}


def _sent(send: Callable[[int, int], None], pid: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        send(pid, number)
        return True
    return False


if __name__ == "__main__":
    main()
