"""`python -m tools.stack.guard FOLDER PID BORN`: ends and erases a stack once the process that wanted it is gone."""

import sys
import time
from pathlib import Path
from typing import Final

from tools.stack.processes import Process
from tools.stack.stack import Stack

_POLL_S: Final = 0.5


def watch(folder: Path, owner: Process) -> None:
    """Return when the stack is gone: because somebody erased it, or because its owner is gone and this did."""
    while owner.alive:
        if not folder.exists():
            return
        time.sleep(_POLL_S)
    Stack(folder).down(erase=True)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Process(int(sys.argv[2]), sys.argv[3]))
