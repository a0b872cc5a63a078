"""The server and its data directory: made, started, handed out by URL, stopped, removed."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from support_service.adapters.embedded.postgres.leftovers import end_left_over_server, pid_file
from support_service.adapters.embedded.postgres.programs import (
    MAJOR,
    ROOTS_HOME,
    Account,
    EmbeddedPostgresError,
    as_root,
    environment,
    make_roots_home,
    programs,
    unprivileged_account,
)

OWNER: Final = "support_owner"
"""The superuser that initdb makes; migrations run as it."""

_HOST: Final = "127.0.0.1"

_START_DEADLINE_S: Final = 60.0
_FAST_STOP_S: Final = 6.0
_IMMEDIATE_STOP_S: Final = 3.0
_PROGRAM_DEADLINE_S: Final = 60.0
_POLL_S: Final = 0.02

_CAREFREE: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


class EmbeddedPostgres:
    """One server and its data directory."""

    def __init__(
        self, data_dir: Path, *, durable: bool = True, port: int | None = None, wal_level: str = "replica"
    ) -> None:
        """Nothing is started yet.

        Args:
            data_dir: where the data is wanted. As root it only names the data, which then lies under
                /var/lib/support-service; see `home`.
            durable: False gives up surviving a crash of the machine for speed; for tests.
            port: the TCP port to listen on; None takes a free one at every start.
            wal_level: PostgreSQL's setting; "logical" for change data capture.
        """
        wanted = data_dir.absolute()
        self._account = unprivileged_account() if as_root() else Account()
        self.home = ROOTS_HOME / f"data-{_short_hash(str(wanted))}" if as_root() else wanted
        """Holds everything of this server: data, owner's password, log."""
        self._wanted = wanted
        self._wanted_port = port
        self._durable = durable
        self._wal_level = wal_level
        self._process: subprocess.Popen[bytes] | None = None
        self._lock_fd: int | None = None
        self._port: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The TCP port of the running server."""
        if self._port is None:
            raise EmbeddedPostgresError("the embedded PostgreSQL is not running")
        return self._port

    @property
    def log_file(self) -> Path:
        """What the server of this start wrote; the one of the start before is beside it with `.1`."""
        return self.home / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server we started is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it takes connections; creates the data when it is new.

        Raises:
            EmbeddedPostgresError: another process owns the data, or the server did not come up in a minute.
        """
        if self.running:
            return
        self._make_home()
        self._take_lock()
        try:
            end_left_over_server(self._data)
            if not self._data.exists():
                self._initialise()
            self._check_major()
            self._launch(time.monotonic() + _START_DEADLINE_S)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server: first breaking off its sessions, after six seconds by force. Does nothing when stopped."""
        process, self._process, self._port = self._process, None, None
        if process is not None:
            for how, patience_s in ((signal.SIGINT, _FAST_STOP_S), (signal.SIGQUIT, _IMMEDIATE_STOP_S)):
                process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience_s)
                    break
            else:
                process.kill()
                process.wait()
        self._release_lock()

    def remove(self) -> None:
        """Stop and delete the data, the password and the log for good."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def dsn(self, user: str, password: str | None, database: str) -> str:
        """A libpq URL of the running server, with everything in it quoted."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{quote(user, safe='')}{secret}@{_HOST}:{self.port}/{quote(database, safe='')}"

    def owner_dsn(self, database: str) -> str:
        """A libpq URL for the superuser `OWNER`."""
        return self.dsn(OWNER, self._password_file.read_text("utf-8"), database)

    def ensure_database(self, name: str) -> None:
        """Create the database unless it is there."""
        identifier, literal = name.replace('"', '""'), name.replace("'", "''")
        there = self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{literal}'")  # noqa: S608 - quoted above
        if there.strip() != "1":
            self._psql(f'CREATE DATABASE "{identifier}"')

    def pg_bin(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs, such as psql or pgbench."""
        return programs() / name

    @property
    def _data(self) -> Path:
        return self.home / "pgdata"

    @property
    def _password_file(self) -> Path:
        return self.home / "owner-password"

    def _make_home(self) -> None:
        if not as_root():
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            return
        make_roots_home()
        # The server's user passes through to its data; only root lists or writes here.
        self.home.mkdir(exist_ok=True)
        self.home.chmod(0o711)
        (self.home / "made-for").write_text(f"{self._wanted}\n", "utf-8")

    def _take_lock(self) -> None:
        self._lock_fd = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._release_lock()
            message = f"another running process owns the embedded PostgreSQL in {self.home}"
            raise EmbeddedPostgresError(message) from error

    def _release_lock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _initialise(self) -> None:
        """Run initdb beside the final place and move it there, so that a killed run leaves no half of a database."""
        fresh = self.home / "pgdata.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password = self._password()
        with tempfile.NamedTemporaryFile("w", dir=self.home, encoding="utf-8") as handed_over:
            handed_over.write(password)
            handed_over.flush()
            for path in (fresh, handed_over.name) if as_root() else ():
                os.chown(path, self._account.uid or -1, self._account.gid or -1)
            self._run(
                "initdb",
                f"--pgdata={fresh}",
                f"--username={OWNER}",
                f"--pwfile={handed_over.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",  # the same order of text and the same upper case on every machine:
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                *(() if self._durable else ("--no-sync",)),
            )
        fresh.rename(self._data)

    def _check_major(self) -> None:
        major = (self._data / "PG_VERSION").read_text("ascii").strip()
        if major != str(MAJOR):
            raise EmbeddedPostgresError(
                f"{self._data} was made by PostgreSQL {major}, this is {MAJOR}: dump and reload it"
            )

    def _password(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._password_file.read_text("utf-8")
        password = secrets.token_urlsafe(32)
        descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(password)
        return password

    def _launch(self, deadline: float) -> None:
        """Start the server; again when it fell over a port just taken or over backends a killed server left."""
        while True:
            port = self._wanted_port or _free_port()
            self._process = self._spawn(port)
            if self._came_up(deadline):
                self._port = port
                return
            tail = self._log_tail()
            self._process.kill()
            self._process.wait()
            port_lost = "Address already in use" in tail and self._wanted_port is None
            passing = port_lost or "shared memory block" in tail
            if not passing or time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"the embedded PostgreSQL did not start; {self.log_file} ends with:\n{tail}"
                )
            time.sleep(10 * _POLL_S)

    def _spawn(self, port: int) -> "subprocess.Popen[bytes]":
        settings = [
            f"listen_addresses={_HOST}",
            f"port={port}",
            "unix_socket_directories=",
            "max_connections=200",
            f"wal_level={self._wal_level}",
            "timezone=UTC",
            "log_timezone=UTC",
            "log_checkpoints=off",
            *(() if self._durable else _CAREFREE),
        ]
        options = [argument for setting in settings for argument in ("-c", setting)]
        with contextlib.suppress(FileNotFoundError):
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        # A session of its own: Ctrl-C in a terminal is for the owner, who ends the server when its users are gone.
        # What it logs may quote a row, so only its owner reads it.
        with os.fdopen(os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
            return subprocess.Popen(  # noqa: S603 - the wheel's own program, no shell
                [self.pg_bin("postgres"), "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                start_new_session=True,
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=self._account.groups,
                umask=0o077,
            )

    def _came_up(self, deadline: float) -> bool:
        """Wait for the word PostgreSQL writes into its pid file once it takes connections."""
        assert self._process is not None  # noqa: S101 - set by the only caller
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            lines = pid_file(self._data)
            if len(lines) > 7 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":  # noqa: PLR2004 - pidfile.h
                return True
            time.sleep(_POLL_S)
        return False

    def _log_tail(self) -> str:
        return "\n".join(self.log_file.read_text("utf-8", "replace").splitlines()[-15:])

    def _psql(self, statement: str) -> str:
        return self._run(
            "psql",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            f"--host={_HOST}",
            f"--port={self.port}",
            f"--username={OWNER}",
            "--dbname=postgres",
            f"--command={statement}",
            extra={"PGPASSWORD": self._password_file.read_text("utf-8")},
        )

    def _run(self, program: str, *arguments: str, extra: Mapping[str, str] | None = None) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the wheel's own program, no shell
                [self.pg_bin(program), *arguments],
                check=False,
                capture_output=True,
                text=True,
                timeout=_PROGRAM_DEADLINE_S,
                cwd="/",
                stdin=subprocess.DEVNULL,
                env=environment() | dict(extra or {}),
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=self._account.groups,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EmbeddedPostgresError(f"{program} of the embedded PostgreSQL did not run: {error}") from error
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"{program} of the embedded PostgreSQL failed:\n{done.stderr.strip()}")
        return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
