"""The demo's folder tells the truth about a demo that runs, and nothing about one that does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support_service.demo.state import DemoFolder, DemoState
from support_service.demo.switch import NoDemo, sign_in, switch


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    made = DemoFolder(tmp_path / ".demo")
    made.make()
    return made


def _state(folder: DemoFolder, pid: int) -> DemoState:
    return DemoState(pid, "http://127.0.0.1:8360", str(folder.issuer_key), {"lake": True, "rest": True, "events": True})


def test_the_state_of_a_running_demo_is_read_as_it_was_written(folder: DemoFolder) -> None:
    state = _state(folder, os.getpid())
    folder.write_state(state)

    assert folder.read_state() == state
    assert folder.state_file.stat().st_mode & 0o077 == 0


def test_a_killed_demo_is_no_demo(folder: DemoFolder) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder.write_state(_state(folder, ended.pid))

    assert folder.read_state() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({"pid": 1})])
def test_a_file_that_is_no_state_is_no_demo(folder: DemoFolder, content: str) -> None:
    folder.state_file.write_text(content)

    assert folder.read_state() is None


def test_all_parts_are_wanted_until_one_is_not(folder: DemoFolder) -> None:
    assert folder.read_wanted() == {"lake": True, "rest": True, "events": True}

    folder.write_wanted({"rest": False})

    assert folder.read_wanted() == {"lake": True, "rest": False, "events": True}


def test_without_a_demo_nothing_is_switched_and_nobody_signs_in(folder: DemoFolder) -> None:
    with pytest.raises(NoDemo):
        switch("lake", running=False, folder=folder)
    with pytest.raises(NoDemo):
        sign_in(role="AGENT", folder=folder)
    assert folder.read_wanted()["lake"]


def test_an_unknown_part_is_refused(folder: DemoFolder) -> None:
    with pytest.raises(ValueError, match="lake, rest, events"):
        switch("moon", running=False, folder=folder)


def test_somebody_unknown_is_told_who_there_is(folder: DemoFolder) -> None:
    folder.write_state(_state(folder, os.getpid()))

    with pytest.raises(LookupError, match="demo-linh"):
        sign_in(subject="demo-nobody", folder=folder)
