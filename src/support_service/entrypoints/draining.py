"""Telling the API's processes that they are about to stop, before the server waits for the answers that are under way.

An answer that does not end by itself, a stream, would hold that up until the server is killed.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable

_ABOUT_TO_STOP = signal.SIGUSR1


def announce() -> None:
    """In the server's main process: tell its children."""
    for child in multiprocessing.active_children():
        if child.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, _ABOUT_TO_STOP)


def on_announcement(act: Callable[[], None]) -> None:
    """In one of its children, on the running loop: do this when it is told."""
    with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread: it is no child of the server then
        asyncio.get_running_loop().add_signal_handler(_ABOUT_TO_STOP, act)
