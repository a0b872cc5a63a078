"""In CI a check that skips itself fails: what it needed is missing, and nobody would notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

IN_A_TEST = """
import pytest
def test_it():
    pytest.skip("no component")
"""
IN_A_MODULE = """
import pytest
pytest.skip("no component", allow_module_level=True)
"""
EXPECTED_TO_FAIL = """
import pytest
@pytest.mark.xfail(reason="known")
def test_it():
    raise AssertionError
"""


def run(folder: Path, source: str, *, required: bool) -> "subprocess.CompletedProcess[str]":
    (folder / "test_it.py").write_text(source, "utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "SUPPORT_REQUIRE_COMPONENTS"}
    if required:
        environment["SUPPORT_REQUIRE_COMPONENTS"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**environment, "PYTHONPATH": str(TESTS)},
    )


@pytest.mark.parametrize("source", [IN_A_TEST, IN_A_MODULE], ids=["test", "module"])
def test_a_skip_fails_where_components_are_required(source: str, tmp_path: Path) -> None:
    done = run(tmp_path, source, required=True)
    assert done.returncode not in {0, 5}
    assert "SUPPORT_REQUIRE_COMPONENTS forbids it" in done.stdout
    assert "no component" in done.stdout


def test_elsewhere_a_skip_is_a_skip(tmp_path: Path) -> None:
    done = run(tmp_path, IN_A_TEST, required=False)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert run(tmp_path, EXPECTED_TO_FAIL, required=True).returncode == 0
