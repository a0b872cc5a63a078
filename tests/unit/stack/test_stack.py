"""The stack starts what is asked for once, remembers it, and ends what it started and nothing else."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tools.stack import NotProvisioned, Stack, StackError
from tools.stack.processes import Process
from tools.stack.registry import in_order
from tools.stack.web import answers

MakeStack = Callable[..., Stack]
MakeWeb = Callable[..., Any]


def test_up_starts_what_is_asked_for_and_what_it_needs(make_stack: MakeStack, make_web: MakeWeb) -> None:
    stack = make_stack(make_web("front", needs=("back",)), make_web("back"), make_web("other")).up("front")
    assert stack["front"]["back"] == stack["back"].url
    assert answers(f"{stack['front'].url}/log")
    assert {one.name: one.state for one in stack.status()} == {"back": "ready", "front": "ready"}
    assert not (stack.folder / "other").exists()


def test_the_second_up_leaves_what_runs_and_settles_nothing_again(make_stack: MakeStack, make_web: MakeWeb) -> None:
    web = make_web()
    first = make_stack(web).up()["web"].pid
    assert make_stack(web).up()["web"].pid == first
    assert web.settled == 1


def test_two_that_start_it_at_once_share_one(make_stack: MakeStack, make_web: MakeWeb) -> None:
    web = make_web()
    both = [threading.Thread(target=make_stack(web).up) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert web.settled == 1


def test_down_ends_it_and_the_next_up_takes_the_same_port(make_stack: MakeStack) -> None:
    stack = make_stack().up()
    url, pid = stack["web"].url, stack["web"].pid
    stack.down()
    assert Process.of(pid) is None
    assert not answers(f"{url}/log")
    assert [one.state for one in stack.status()] == ["ended"]
    assert stack.up()["web"].url == url


def test_a_port_that_somebody_took_meanwhile_is_exchanged(make_stack: MakeStack) -> None:
    stack = make_stack().up()
    url = stack["web"].url
    stack.down()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", int(url.rpartition(":")[2])))
        thief.listen()
        assert stack.up()["web"].url != url


def test_a_killed_one_is_seen_and_started_again_where_it_was(make_stack: MakeStack) -> None:
    stack = make_stack().up()
    web = stack["web"]
    url, pid = web.url, web.pid
    web.kill()
    assert not web.running
    web.start()
    assert web.url == url
    assert web.pid != pid


def test_a_paused_one_accepts_and_says_nothing_until_it_goes_on(make_stack: MakeStack) -> None:
    web = make_stack().up()["web"]
    web.pause()
    assert not answers(f"{web.url}/log")
    web.resume()
    assert answers(f"{web.url}/log")


def test_the_next_launcher_ends_what_a_killed_one_had_only_begun(make_stack: MakeStack, make_web: MakeWeb) -> None:
    stack = make_stack().up()
    begun = stack.record("web")
    file = stack.folder / "web" / "record.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"ready_s": None, "facts": {}}))
    assert stack.up()["web"].pid != begun.process.pid
    assert not begun.process.alive


def test_one_that_dies_is_told_with_its_last_words(make_stack: MakeStack, make_web: MakeWeb) -> None:
    stack = make_stack(make_web(program=("-c", "print('no disk left', flush=True); raise SystemExit(1)")))
    with pytest.raises(StackError, match=r"ended before it was ready(.|\n)*no disk left"):
        stack.up()


def test_when_one_does_not_come_up_the_others_of_this_start_are_ended(make_stack: MakeStack, make_web: MakeWeb) -> None:
    stack = make_stack(make_web("good"), make_web("bad", needs=("good",), program=("-c", "")))
    with pytest.raises(StackError):
        stack.up()
    assert {one.name: one.state for one in stack.status()} == {"good": "ended", "bad": "ended"}


def test_settings_are_chosen_remembered_and_not_changed_under_way(make_stack: MakeStack) -> None:
    stack = make_stack(web__greeting="good day").up()
    assert stack["web"]["greeting"] == "good day"
    stack.down()
    assert make_stack().up()["web"]["greeting"] == "good day"
    with pytest.raises(StackError, match="runs with greeting=good day, not bye: end it first"):
        make_stack(web__greeting="bye").up()
    with pytest.raises(StackError, match=r"no setting web\.mood; there are: web\.greeting"):
        make_stack(web__mood="bad")


def test_the_file_tells_every_address_to_its_owner_alone(make_stack: MakeStack) -> None:
    stack = make_stack().up()
    told = json.loads(stack.file.read_text())
    assert told == {"web": {"pid": stack["web"].pid, "url": stack["web"].url, "greeting": "hello"}}
    assert stack.file.stat().st_mode & 0o777 == 0o600
    stack.down()
    assert json.loads(stack.file.read_text()) == {}


def test_what_is_not_provisioned_is_told_with_the_command_that_does_it(make_stack: MakeStack) -> None:
    stack = make_stack()
    with pytest.raises(NotProvisioned, match=r"A web server is not provisioned yet .*tools.stack provision web"):
        stack.refuse_unprovisioned("web")
    stack.provision("web")
    stack.refuse_unprovisioned("web")


def test_an_unknown_component_and_a_circle_of_needs_are_refused(make_stack: MakeStack, make_web: MakeWeb) -> None:
    with pytest.raises(StackError, match="no component kafka; there are: web"):
        make_stack().up("kafka")
    circle = {"a": make_web("a", needs=("b",)), "b": make_web("b", needs=("a",))}
    with pytest.raises(StackError, match="circle: a -> b -> a"):
        in_order(circle, circle, {"a": {}, "b": {}})


def test_a_block_ends_and_erases_its_stack(make_stack: MakeStack) -> None:
    with make_stack().up() as stack:
        process = stack.record("web").process
        assert process.alive
    assert process.gone_within(0)
    assert not stack.folder.exists()


def test_a_guard_ends_the_stack_of_a_killed_owner(make_stack: MakeStack) -> None:
    stack = make_stack().up()
    process = stack.record("web").process
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    born = Process.of(owner.pid)
    assert born is not None
    guard = stack.guard(born)
    assert process.alive
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    assert guard.gone_within(10)
    assert process.gone_within(0)
    assert not stack.folder.exists()


def test_the_help_of_the_command_names_what_it_can_do() -> None:
    command = [sys.executable, "-m", "tools.stack", "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert all(word in done.stdout for word in ("up", "down", "status", "provision"))
