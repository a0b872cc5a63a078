"""The launcher as a person runs it: started, looked at, ended; nothing stays, not even after it was killed."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.stack import Stack
from tools.stack.processes import Process

from support.stack import SharedStack

CHECKOUT = Path(__file__).parents[3]


def stack_command(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tools.stack", *words, "--folder", str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=CHECKOUT, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "stack"
    Stack(tmp_path / "stack").down(erase=True)


def test_up_status_and_down(stack: SharedStack, folder: Path) -> None:
    assert stack["redis"].running  # it is provisioned
    done = stack_command(folder, "up", "redis", "postgres")
    assert done.returncode == 0, done.stderr
    assert "PostgreSQL 18 is ready after" in done.stderr
    told = json.loads((folder / "stack.json").read_text())
    running = [Process.of(one["pid"]) for one in told.values()]
    assert all(process is not None and process.alive for process in running)
    assert "127.0.0.1:" in stack_command(folder, "status").stdout

    assert stack_command(folder, "down").returncode == 0
    assert all(process is not None and process.gone_within(0) for process in running)
    assert "ended" in stack_command(folder, "status").stdout


def test_a_launcher_killed_in_the_middle_leaves_nothing_that_down_does_not_end(
    stack: SharedStack, folder: Path
) -> None:
    assert stack["trino"].running
    command = [sys.executable, "-m", "tools.stack", "up", "trino", "--folder", str(folder)]
    launcher = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    record = folder / "trino" / "record.json"
    deadline = time.monotonic() + 60
    while not record.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    launcher.kill()
    launcher.wait()
    begun = Process(**json.loads(record.read_text())["process"])
    assert begun.alive
    assert stack_command(folder, "down", "--erase").returncode == 0
    assert begun.gone_within(0)
    assert not folder.exists()


def test_a_wrong_word_is_answered_with_a_sentence_and_status_1(folder: Path) -> None:
    done = stack_command(folder, "up", "--set", "trino.colour=red")
    assert done.returncode == 1
    assert "there is no setting trino.colour" in done.stderr
    assert "Traceback" not in done.stderr
