"""The embedded PostgreSQL: who may reach it, what it keeps, and what it survives."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from support.ports import free_port
from support_service.adapters.embedded.postgres import OWNER, EmbeddedPostgres, EmbeddedPostgresError, server

_START_AND_DIE = """
import os, signal, sys
from pathlib import Path
from support_service.adapters.embedded.postgres import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(name="postgres")
def unstarted(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that is made but not started; it and all its files go when the test ends."""
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    yield postgres
    postgres.remove()


async def ask(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def server_pid(postgres: EmbeddedPostgres) -> int:
    return int((postgres.home / "pgdata" / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_it_is_postgresql_18_and_its_owner_may_all(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert str(await ask(postgres.owner_dsn("postgres"), "SHOW server_version")).startswith("18.")
    assert await ask(postgres.owner_dsn("postgres"), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")


async def test_without_the_password_nobody_comes_in(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgres.dsn(OWNER, "guessed", "postgres"), "SELECT 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgres.dsn(OWNER, None, "postgres"), "SELECT 1")


async def test_the_password_is_its_owners_alone(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    secrets = [path for path in postgres.home.iterdir() if path.name in {"owner-password", "server.log", "lock"}]
    assert {oct(path.stat().st_mode & 0o777) for path in secrets} == {"0o600"}
    assert (postgres.home / "pgdata").stat().st_mode & 0o077 == 0


async def test_it_listens_on_the_loopback_address_only(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    dsn = postgres.owner_dsn("postgres")
    assert await ask(dsn, "SHOW listen_addresses") == "127.0.0.1"
    assert await ask(dsn, "SHOW unix_socket_directories") == ""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", postgres.port), timeout=2)


async def test_data_and_password_outlive_a_restart(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    postgres.start()
    await ask(postgres.owner_dsn("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    again = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    again.start()
    assert await ask(again.owner_dsn("postgres"), "SELECT answer FROM kept") == 42
    again.stop()


async def test_the_durable_server_syncs_and_the_careless_one_does_not(tmp_path: Path) -> None:
    for durable, expected in ((True, "on"), (False, "off")):
        postgres = EmbeddedPostgres(tmp_path / str(durable), durable=durable)
        try:
            postgres.start()
            assert await ask(postgres.owner_dsn("postgres"), "SHOW fsync") == expected
            assert await ask(postgres.owner_dsn("postgres"), "SHOW synchronous_commit") == expected
        finally:
            postgres.remove()


async def test_the_wanted_port_and_wal_level_are_taken(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False, port=free_port(), wal_level="logical")
    try:
        postgres.start()
        assert await ask(postgres.owner_dsn("postgres"), "SHOW port") == str(postgres.port)
        assert await ask(postgres.owner_dsn("postgres"), "SHOW wal_level") == "logical"
    finally:
        postgres.remove()


def test_a_taken_port_is_said_with_the_servers_own_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False, port=taken.getsockname()[1])
        try:
            with pytest.raises(EmbeddedPostgresError, match="Address already in use"):
                postgres.start()
        finally:
            postgres.remove()


async def test_a_database_is_ensured_once_under_any_name(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    name = """shop's "own" /@?"""
    postgres.ensure_database(name)
    postgres.ensure_database(name)
    assert await ask(postgres.owner_dsn(name), "SELECT current_database()") == name


async def test_one_process_owns_the_data(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    postgres.start()
    second = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    with pytest.raises(EmbeddedPostgresError, match="another running process"):
        second.start()
    assert await ask(postgres.owner_dsn("postgres"), "SELECT 1") == 1


async def test_a_server_left_by_a_killed_owner_is_ended_and_its_data_taken_over(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    killed = subprocess.run([sys.executable, "-c", _START_AND_DIE, str(tmp_path / "postgres")], check=False)
    assert killed.returncode == -signal.SIGKILL
    left_over = server_pid(postgres)
    assert is_running(left_over)
    postgres.start()
    assert not is_running(left_over)
    assert await ask(postgres.owner_dsn("postgres"), "SELECT 1") == 1


async def test_a_server_killed_itself_comes_back(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    os.kill(server_pid(postgres), signal.SIGKILL)
    postgres.stop()
    assert (postgres.home / "pgdata" / "postmaster.pid").exists(), "it had no time to tidy up"
    postgres.start()
    assert await ask(postgres.owner_dsn("postgres"), "SELECT 1") == 1


async def test_a_stranger_with_the_dead_servers_number_is_left_alone(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    # Of the same user, that is: another user's process does not worry PostgreSQL.
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=postgres.home.joinpath("pgdata").stat().st_uid)
    try:
        stale = postgres.home / "pgdata" / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{postgres.home / 'pgdata'}\n1\n{free_port()}\n\n127.0.0.1\n\nready\n")
        postgres.start()
        assert await ask(postgres.owner_dsn("postgres"), "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_initialisation_that_was_cut_short_begins_anew(postgres: EmbeddedPostgres) -> None:
    half = postgres.home / "pgdata.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres.start()
    assert postgres.running
    assert not half.exists()


def test_data_of_another_major_version_is_refused(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    (postgres.home / "pgdata" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 16"):
        postgres.start()


async def test_stopping_does_not_wait_for_open_transactions(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    connection = await asyncpg.connect(postgres.owner_dsn("postgres"), timeout=5)
    await connection.execute("BEGIN")
    await connection.execute("CREATE TABLE half_done ()")
    began = time.monotonic()
    postgres.stop()
    assert time.monotonic() - began < 5
    assert not postgres.running
    connection.terminate()


def test_a_server_that_does_not_end_by_itself_is_ended_by_force(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping twice is harmless, too: the second has nothing to do."""
    monkeypatch.setattr(server, "_FAST_STOP_S", 0.2)
    monkeypatch.setattr(server, "_IMMEDIATE_STOP_S", 0.2)
    postgres.start()
    pid = server_pid(postgres)
    os.kill(pid, signal.SIGSTOP)
    postgres.stop()
    assert not is_running(pid)
    postgres.stop()


def test_ctrl_c_in_the_owners_terminal_does_not_reach_it(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert os.getpgid(server_pid(postgres)) != os.getpgrp()


def test_what_is_removed_leaves_nothing(postgres: EmbeddedPostgres) -> None:
    with postgres:
        home, pid = postgres.home, server_pid(postgres)
    postgres.remove()
    assert not home.exists()
    assert not is_running(pid)


def test_a_stopped_server_has_no_port(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedPostgresError, match="not running"):
        _ = postgres.port


def test_a_callers_postgres_variables_do_not_lead_it_astray(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGOPTIONS": "-c no_such_setting=1", "LC_ALL": "no_such_locale"}.items():
        monkeypatch.setenv(name, value)
    postgres.start()
    postgres.ensure_database("shop")
