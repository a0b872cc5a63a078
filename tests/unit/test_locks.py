"""The hashed locks name everything pyproject.toml asks for, and neither a registry nor a path of some machine."""

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
LOCKS = ["bootstrap.txt", "dev.txt", "peer.txt", "runtime.txt"]


def read(lock: str) -> str:
    return (CHECKOUT / "requirements" / lock).read_text("utf-8")


def locked(lock: str) -> dict[str, int]:
    """Each package of a lock under its exact version, with how many hashes it has."""
    entries = re.split(r"^(?=[a-z0-9])", read(lock), flags=re.MULTILINE)[1:]
    return {entry.split()[0]: entry.count("--hash=sha256:") for entry in entries}


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_a_hash(lock: str) -> None:
    packages = locked(lock)
    assert packages
    assert all("==" in package and hashes for package, hashes in packages.items())


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_registry_or_a_path(lock: str) -> None:
    assert not re.findall(r"\w+://\S+|(?:^|[\s=])/\S+|--(?:extra-)?index-url|--find-links", read(lock))


def test_the_locks_hold_what_the_project_asks_for() -> None:
    runtime = {package.partition("==")[0] for package in locked("runtime.txt")}
    dev = {package.partition("==")[0] for package in locked("dev.txt")}
    assert named(PROJECT["project"]["dependencies"]) <= runtime
    assert named(PROJECT["dependency-groups"]["dev"] + PROJECT["build-system"]["requires"]) <= dev


def test_developers_run_the_very_versions_that_users_get() -> None:
    assert locked("runtime.txt").keys() <= locked("dev.txt").keys()
    assert locked("bootstrap.txt").keys() <= locked("dev.txt").keys()
