"""CPU time of whole process trees, from /proc: what a side of a comparison costs, and how loaded the machine is."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _FIRST_TIME, _LAST_TIME = 1, 11, 15
"""Places in /proc/<pid>/stat after the command's name: the parent, and utime, stime, cutime, cstime (proc_pid_stat(5))."""


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time in seconds that these processes and all their descendants have used.

    The time of descendants that have ended is in their parents' once these have waited for them, so the difference of
    two readings misses nothing that was alive at the first.
    """
    ticks = {pid: sum(map(int, fields[_FIRST_TIME:_LAST_TIME])) for pid, fields in _family(roots).items()}
    return sum(ticks.values()) / _TICKS_PER_S


def load_average() -> float:
    """Processes that ran or wanted to, on average of the last minute."""
    return os.getloadavg()[0]


def _family(roots: Iterable[int]) -> dict[int, list[str]]:
    table = dict(_all_processes())
    children: dict[int, list[int]] = {}
    for pid, fields in table.items():
        children.setdefault(int(fields[_PARENT]), []).append(pid)
    family = [pid for pid in roots if pid in table]
    for member in family:  # grows as it goes
        family += (child for child in children.get(member, []) if child not in family)
    return {pid: table[pid] for pid in family}


def _all_processes() -> Iterable[tuple[int, list[str]]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended as we looked
            yield int(stat.parent.name), stat.read_text("utf-8", "replace").rpartition(")")[2].split()
