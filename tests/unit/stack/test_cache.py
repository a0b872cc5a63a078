"""What components are made of is whole or absent, made once, and what the project pinned."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools.stack import Cache, StackError, WrongContent
from tools.stack.fetch import check, sha256_of, tool
from tools.stack.locks import locked

_BUILD_SLOWLY = """
import sys, time
from pathlib import Path
from tools.stack import Cache
def build(folder):
    with open(sys.argv[2], "a") as log:
        log.write("built ")
    (folder / "half").touch()
    time.sleep(0.5)
    (folder / "whole").touch()
print((Cache(Path(sys.argv[1])).entry("thing", build) / "whole").exists())
"""


def test_an_entry_is_built_once_though_two_processes_want_it_at_the_same_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", _BUILD_SLOWLY, str(tmp_path / "cache"), str(log)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=20)[0].strip() for process in both] == ["True", "True"]
    assert log.read_text() == "built "


def test_a_failed_build_leaves_nothing_and_the_next_one_starts_clean(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise StackError("no")

    with pytest.raises(StackError):
        cache.entry("thing", fail)
    assert "thing" not in cache
    assert [file.name for file in cache.entry("thing", lambda folder: (folder / "whole").touch()).iterdir()] == [
        "whole"
    ]


def test_what_a_killed_build_left_is_not_taken_for_an_entry(tmp_path: Path) -> None:
    left = tmp_path / "building" / "thing"
    left.mkdir(parents=True)
    (left / "half").touch()
    cache = Cache(tmp_path)
    assert "thing" not in cache
    assert not (cache.entry("thing", lambda _: None) / "half").exists()


def test_a_tampered_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "archive.tar.gz"
    file.write_bytes(b"as it was pinned")
    pinned = sha256_of(file)
    check(file, pinned)
    file.write_bytes(b"as it was pinned?")
    with pytest.raises(WrongContent, match=r"archive\.tar\.gz has the SHA-256 .* pinned is"):
        check(file, pinned)


def test_a_missing_tool_is_told_in_one_sentence_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StackError, match=r"Trino needs `mvn`: Maven, which fetches it .*apt install maven"):
        tool("mvn", "Trino")


def test_whoever_waits_too_long_for_a_lock_is_told_who_has_it(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with (
        locked(file, patience_s=1, doing="starting Trino"),
        pytest.raises(StackError, match="has been starting Trino"),
        locked(file, patience_s=0.1, doing="starting Trino"),
    ):
        pass
    with locked(file, patience_s=0.1, doing="nothing"):
        pass


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPORT_CACHE", str(tmp_path / "named"))
    assert Cache().root == tmp_path / "named"
    monkeypatch.delenv("SUPPORT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache().root == tmp_path / "support-service"
