"""Locks between processes: files that the system unlocks when their holder dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from tools.stack.errors import StackError

_POLL_S = 0.05


@contextlib.contextmanager
def locked(file: Path, *, patience_s: float, doing: str) -> Iterator[None]:
    """Hold the lock, waiting for whoever has it.

    Raises:
        StackError: somebody else held it for longer than the patience; `doing` names what they are at.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                raise StackError(f"another process has been {doing} for {patience_s:.0f} s and holds {file}")
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
