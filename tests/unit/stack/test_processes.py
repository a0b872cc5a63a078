"""Processes are told by number and birth, and ports stay their owner's."""

import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from tools.stack.ports import HOST, free_ports, is_free
from tools.stack.processes import Process, spawn

_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
_WITH_A_CHILD = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


def start(folder: Path, program: str) -> Process:
    return spawn([sys.executable, "-c", program], log=folder / "log", cwd=folder)


def said(folder: Path) -> str:
    deadline = time.monotonic() + 10
    while not (text := (folder / "log").read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


def test_a_process_is_ended_and_then_known_to_be_gone(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; print('here', flush=True); time.sleep(60)")
    assert said(tmp_path)  # before that it may not have become Python
    assert process.alive
    assert process.resident_mb() > 0.1
    assert process.end(((signal.SIGTERM, 5),))
    assert process.gone_within(0)
    assert process.resident_mb() == 0


def test_one_that_ignores_the_first_signal_gets_the_next(tmp_path: Path) -> None:
    process = start(tmp_path, _DEAF)
    assert said(tmp_path) == "deaf\n"
    assert not process.end(((signal.SIGTERM, 0.2),))
    assert process.end(((signal.SIGTERM, 0.2), (signal.SIGKILL, 5)))


def test_a_stopped_one_is_ended_too(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(60)")
    process.send(signal.SIGSTOP)
    assert process.end(((signal.SIGTERM, 5),))


def test_its_children_end_with_it(tmp_path: Path) -> None:
    process = start(tmp_path, _WITH_A_CHILD)
    child = Process.of(int(said(tmp_path)))
    assert child is not None
    process.end(((signal.SIGTERM, 5),))
    assert child.gone_within(5)


def test_a_stranger_that_got_the_number_is_left_alone(tmp_path: Path) -> None:
    stranger = start(tmp_path, "import time; time.sleep(60)")
    try:
        before = Process(stranger.pid, "born long ago")
        assert not before.alive
        assert before.end(((signal.SIGKILL, 1),))
        assert stranger.alive
    finally:
        stranger.end(((signal.SIGKILL, 5),))


def test_what_a_process_says_is_for_its_owner_and_it_learns_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "secret")
    start(tmp_path, "import os; print('DATABASE_URL' in os.environ, flush=True)")
    assert said(tmp_path) == "False\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_ports_are_different_free_and_not_those_of_outgoing_connections() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(15_000 <= port < 32_768 for port in ports)
    assert all(map(is_free, ports))


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        assert not is_free(server.getsockname()[1])
