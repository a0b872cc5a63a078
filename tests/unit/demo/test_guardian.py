"""The guardian ends what a killed demo left, and nothing of a demo that ended in order."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.{}); print(flush=True); time.sleep(60)"


@pytest.fixture
def guardian(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    (tmp_path / "state.json").write_text("{}")
    process = subprocess.Popen(
        [sys.executable, "-m", "support_service.demo.guardian", str(tmp_path / "state.json")], stdin=subprocess.PIPE
    )
    yield process
    process.kill()
    process.communicate()


def _sleeper(*, deaf: bool = False) -> "subprocess.Popen[bytes]":
    code = _SLEEPER.format("SIG_IGN" if deaf else "SIG_DFL")
    process = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _finish(process: "subprocess.Popen[bytes]", lines: str) -> None:
    process.communicate(lines.encode(), timeout=15)


def test_when_its_input_ends_it_ends_all_it_watches(guardian: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    willing, deaf, server = _sleeper(), _sleeper(deaf=True), _sleeper()
    with willing, deaf, server:
        started = time.monotonic()
        assert guardian.stdin is not None
        guardian.stdin.write(f"child {willing.pid}\nchild {deaf.pid}\nserver {server.pid}\n".encode())
        guardian.stdin.close()
        for process in (willing, deaf, server):
            process.wait(12)  # this test is their parent, and a process that is not reaped is still there
        guardian.wait(5)

    assert (willing.returncode, deaf.returncode, server.returncode) == (-15, -9, -2)
    assert time.monotonic() - started < 12
    assert not (tmp_path / "state.json").exists()


def test_it_leaves_alone_what_it_was_told_to_forget(guardian: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    with _sleeper() as process:
        _finish(guardian, f"child {process.pid}\nserver {process.pid}\nforget {process.pid}\n")

        assert process.poll() is None
        process.kill()
    assert (tmp_path / "state.json").exists()
