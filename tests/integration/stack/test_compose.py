"""The compose file, which no container was started from: it keeps to the specification and mounts what we really run."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from tools.stack import Cache, Missing
from tools.stack.compose import compose_files
from tools.stack.fetch import GoProgram, go_program
from tools.stack.registry import all_components

DEPLOY = Path(__file__).parents[3] / "deploy"
CHECKER = GoProgram(
    "github.com/compose-spec/compose-go/v2", "v2.9.0", "./cmd", "h1:UHSv/QHlo6QJtrT4igF1rdORgIUhDo1gWuyJUoiNNIM="
)


@pytest.fixture(scope="session")
def checker() -> Path:
    """The reference implementation of the Compose specification; it reads a file and checks it, and runs nothing."""
    try:
        return Cache().entry("compose-go-2.9.0", lambda folder: go_program(CHECKER, folder / "compose")) / "compose"
    except Missing as reason:
        pytest.skip(str(reason))


def judge(checker: Path, file: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([checker, file], check=False, capture_output=True, text=True, env=os.environ, timeout=30)


@pytest.mark.timeout(60, func_only=True)
def test_it_keeps_to_the_specification(checker: Path, tmp_path: Path) -> None:
    judged = judge(checker, DEPLOY / "compose.yaml")
    assert judged.returncode == 0, judged.stderr
    for name in ("postgres", "redis", "trino", "kafka", "toxiproxy"):
        assert re.search(rf"^    {name}:$", judged.stdout, flags=re.MULTILINE)
        assert name in all_components()

    broken = tmp_path / "compose.yaml"
    broken.write_text((DEPLOY / "compose.yaml").read_text("utf-8").replace("image: redis", "imagine: redis"), "utf-8")
    assert "additional properties 'imagine' not allowed" in judge(checker, broken).stderr


@pytest.mark.timeout(60, func_only=True)
def test_every_port_is_on_loopback(checker: Path) -> None:
    published = judge(checker, DEPLOY / "compose.yaml").stdout
    assert published.count("published:") == published.count("host_ip: 127.0.0.1") == 5


def test_what_it_mounts_is_what_the_native_stack_is_configured_with() -> None:
    there = {
        str(path.relative_to(DEPLOY / "stack")): path.read_text("utf-8")
        for path in (DEPLOY / "stack").rglob("*")
        if path.is_file()
    }
    assert there == dict(compose_files()), "stale: .venv/bin/python -m tools.stack compose"
