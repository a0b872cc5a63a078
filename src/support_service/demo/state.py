"""The folder `.demo` of a checkout: what the running demo says of itself, and what is wanted of it.

state.json    written by the demo: its process, its address, which parts run; removed when it ends
settings.json the settings of its processes, for `support-service doctor`; removed when it ends
wanted.json   written by `support-service demo stop|start`: which parts should run
issuer.pem    the local issuer's key        logs/    one file a process        postgres/    the data
blobs.json    what signs addresses of files blobs/   the files of cases
"""

import contextlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PARTS = ("lake", "rest", "events")
"""What can be taken away from a running demo."""


@dataclass(frozen=True, slots=True)
class DemoState:
    """A running demo: its supervisor's process id, where it serves, its issuer's key, the parts that run."""

    pid: int
    url: str
    issuer_key: str
    parts: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The paths of one checkout's demo."""

    path: Path

    @classmethod
    def of_this_checkout(cls) -> "DemoFolder":
        """Beside the virtual environment that runs, when it is a `.venv`; else in the working directory."""
        prefix = Path(sys.prefix)
        return cls((prefix.parent if prefix.name == ".venv" else Path.cwd()) / ".demo")

    @property
    def state_file(self) -> Path:
        """Where the running demo says what is true."""
        return self.path / "state.json"

    @property
    def issuer_key(self) -> Path:
        """Where the local issuer's key is kept."""
        return self.path / "issuer.pem"

    @property
    def logs(self) -> Path:
        """Where the processes' output goes."""
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        """Where the database's data is wanted."""
        return self.path / "postgres"

    @property
    def blobs(self) -> Path:
        """Where the files of cases are kept."""
        return self.path / "blobs"

    def blobs_secret(self) -> str:
        """What signs the addresses of files: made once, and kept where only this file's owner can read it."""
        kept = self.path / "blobs.json"
        if "secret" not in _read(kept):
            _write(kept, {"secret": secrets.token_urlsafe(32)})
        return str(_read(kept)["secret"])

    def make(self) -> None:
        """Make the folder, closed to others, and forget what was wanted of a demo before."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        self._wanted_file.unlink(missing_ok=True)

    def read_state(self) -> DemoState | None:
        """The demo that runs here; None when none does, also when one was killed and left its file."""
        found = _read(self.state_file)
        with contextlib.suppress(TypeError):
            state = DemoState(**found)
            if _alive(state.pid):
                return state
        return None

    def write_state(self, state: DemoState) -> None:
        """Say what is true."""
        _write(self.state_file, asdict(state))

    def forget_state(self) -> None:
        """Say that no demo runs."""
        self.state_file.unlink(missing_ok=True)
        self._settings_file.unlink(missing_ok=True)

    def read_settings(self) -> dict[str, str]:
        """The settings that the running demo's processes were started with; empty when none runs."""
        return {} if self.read_state() is None else _read(self._settings_file)

    def lend_settings(self) -> None:
        """Let this process's environment have the running demo's settings, unless it has its own."""
        if "DATABASE_URL" not in os.environ:
            os.environ.update(self.read_settings())

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Say with which settings the processes are started; only this file's owner can read their passwords."""
        _write(self._settings_file, settings)

    def read_wanted(self) -> dict[str, bool]:
        """Which parts should run: all those of which nothing was said."""
        found = _read(self._wanted_file)
        return {part: bool(found.get(part, True)) for part in PARTS}

    def write_wanted(self, wanted: Mapping[str, bool]) -> None:
        """Say which parts should run."""
        _write(self._wanted_file, dict(wanted))

    @property
    def _settings_file(self) -> Path:
        return self.path / "settings.json"

    @property
    def _wanted_file(self) -> Path:
        return self.path / "wanted.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Put the whole file in place at once, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    draft.replace(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
