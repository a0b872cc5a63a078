"""The CPU time of process trees."""

import subprocess
import sys
import time

from bench.cpu import cpu_seconds

_BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_the_time_of_children_counts_while_they_live_and_after_they_ended() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {_BUSY!r}]); time.sleep(60)",
        ]
    )
    try:
        deadline = time.monotonic() + 20
        while (spent := cpu_seconds([parent.pid])) < 0.3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert spent >= 0.3
        time.sleep(0.3)
        assert cpu_seconds([parent.pid]) >= spent
    finally:
        parent.kill()
        parent.wait()


def test_a_process_that_is_in_two_trees_counts_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", f"{_BUSY}\ntime.sleep(60)"])
    try:
        time.sleep(1)
        once, twice = cpu_seconds([child.pid]), cpu_seconds([child.pid, child.pid])
        assert abs(once - twice) < 0.05
    finally:
        child.kill()
        child.wait()
