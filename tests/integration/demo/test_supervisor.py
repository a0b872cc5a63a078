"""`support-service demo`, as a person runs it: everything comes up, parts go and come back, and nothing stays behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.ports import free_port
from support_service.adapters.embedded.postgres import EmbeddedPostgres
from support_service.demo.state import DemoFolder
from support_service.demo.supervisor import Supervisor
from support_service.demo.switch import sign_in, switch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

_RUN = """
import sys
from pathlib import Path
from support_service.demo.state import DemoFolder
from support_service.demo.supervisor import run
sys.exit(run(port=int(sys.argv[1]), olist=None, seed=int(sys.argv[3]), folder=DemoFolder(Path(sys.argv[2]))))
"""


class Demo:
    """A demo in a folder of its own, in a process of its own."""

    def __init__(self, path: Path) -> None:
        self.folder = DemoFolder(path)
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self, seed: int = 7) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN, str(port), str(self.folder.path), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _wait_until(lambda: self.folder.read_state() is not None, 90)
        self.until_cases()

    def until_cases(self) -> None:
        token = sign_in(role="SUPERVISOR", folder=self.folder)
        _wait_until(lambda: len(self.get("/support/cases?limit=100", token)["items"]) >= 25, 30)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """The exit code, and what stood on the terminal."""
        assert self._process is not None
        self._process.send_signal(number)
        output, _ = self._process.communicate(timeout=30)
        return self._process.returncode, output

    def get(self, path: str, token: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {token}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def processes(self) -> list[int]:
        """Every process that belongs to this demo, by what its environment or its command line says."""
        marks = (str(self.folder.issuer_key).encode(), str(self.folder.state_file).encode(), str(self._data()).encode())
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                told = _read(entry / "environ") + _read(entry / "cmdline")
                if any(mark in told for mark in marks):
                    found.append(int(entry.name))
        return found

    def _data(self) -> Path:
        return EmbeddedPostgres(self.folder.postgres).home / "pgdata"

    def remove(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            _wait_until(lambda: not self.processes(), 30)
        EmbeddedPostgres(self.folder.postgres).remove()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path / ".demo")
    yield made
    made.remove()


def test_parts_go_and_come_back_and_ctrl_c_ends_all(demo: Demo) -> None:
    """Started, switched, ended by Ctrl-C; the second start finds the cases, and stocks and opens nothing again."""
    demo.start()
    token = sign_in(role="AGENT", folder=demo.folder)
    cases = demo.get("/support/cases", token)["items"]
    assert {case["team"] for case in cases} <= {"orders", "logistics", None}
    assert len(demo.processes()) > 5

    for part in ("lake", "rest", "events"):
        assert "stopped" in switch(part, running=False, folder=demo.folder)
    state = demo.folder.read_state()
    assert state is not None
    assert state.parts == {"lake": False, "rest": False, "events": False}
    for part in ("lake", "rest", "events"):
        assert "again" in switch(part, running=True, folder=demo.folder)
    newest = cases[0]["ticket_id"]
    timeline = demo.get(f"/support/cases/{newest}?includeTimeline=true", token)["timeline"]
    assert timeline["entries"]

    code, output = demo.end(signal.SIGINT)
    assert (code, demo.processes()) == (0, [])
    assert demo.folder.read_state() is None
    assert not demo.folder.state_file.exists()
    assert f"Ready: {demo.url}" in output

    demo.start()
    assert demo.get(f"/support/cases/{newest}", sign_in(folder=demo.folder))["subject"] == cases[0]["subject"]
    assert len(demo.get("/support/cases?limit=100", sign_in(role="SUPERVISOR", folder=demo.folder))["items"]) == 25
    code, output = demo.end(signal.SIGTERM)
    assert (code, demo.processes()) == (0, [])
    assert "Stocking" not in output


def test_a_second_demo_is_refused_a_dead_process_replaced_and_a_killed_demo_leaves_nothing(demo: Demo) -> None:
    demo.start()
    port = int(demo.url.rpartition(":")[2])
    elsewhere = DemoFolder(demo.folder.path.parent / "elsewhere")
    assert asyncio.run(Supervisor(elsewhere, port=port, olist=None, seed=7).main()) == 1
    assert asyncio.run(Supervisor(demo.folder, port=free_port(), olist=None, seed=7).main()) == 1
    assert demo.folder.read_state() is not None

    feed = next(pid for pid in demo.processes() if b"support_service.demo.feed" in _read(Path(f"/proc/{pid}/cmdline")))
    os.kill(feed, signal.SIGKILL)
    _wait_until(
        lambda: any(
            b"support_service.demo.feed" in _read(Path(f"/proc/{pid}/cmdline"))
            for pid in demo.processes()
            if pid != feed
        ),
        10,
    )

    _, output = demo.end(signal.SIGKILL)
    _wait_until(lambda: not demo.processes(), 15)

    assert "shop-feed ended by itself (exit code -9)" in output.replace("\n", " ")
    assert not demo.folder.state_file.exists()


def test_another_choice_of_data_starts_fresh_and_says_so(demo: Demo) -> None:
    demo.start()
    demo.end(signal.SIGINT)
    demo.start(seed=8)
    cases = demo.get("/support/cases?limit=100", sign_in(role="SUPERVISOR", folder=demo.folder))["items"]
    _, output = demo.end(signal.SIGINT)

    assert "The shop had the simulated shop of seed 7; starting fresh" in output
    assert len(cases) <= 25


def _wait_until(true: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except urllib.error.URLError:
            pass
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
