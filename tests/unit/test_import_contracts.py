"""Every import contract goes red for what it forbids, and no other does: each is broken in a copy of the package."""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
NAMES = {contract["id"]: contract["name"] for contract in CONTRACTS}


@dataclass(frozen=True, slots=True)
class Planted:
    """A module that breaks one contract."""

    contract: str
    module: str
    imports: str

    def __str__(self) -> str:
        return f"{self.contract}: {self.module} imports {self.imports}"


PLANTED = [
    Planted("floors", "kit/planted.py", "support_service.ports"),
    Planted("floors", "ports/planted.py", "support_service.activity"),
    Planted("floors", "activity/planted.py", "support_service.directory"),
    Planted("floors", "cases/planted.py", "support_service.desk"),
    Planted("floors", "cases/planted.py", "support_service.adapters.embedded"),
    Planted("floors", "desk/planted.py", "support_service.wiring"),
    Planted("floors", "demo/planted.py", "support_service.entrypoints"),
    Planted("floors", "sla/__init__.py", "support_service.context"),  # slices of one rank are apart
    Planted("floors", "returns/__init__.py", "json"),  # a room that says nowhere where it stands
    Planted("adapters-and-slices", "adapters/planted.py", "support_service.cases"),
    Planted("adapters-apart", "adapters/planted.py", "support_service.adapters.embedded.postgres"),
    Planted("twins-apart", "adapters/embedded/planted.py", "support_service.adapters.embedded.postgres"),
    Planted("stores", "timeline/planted.py", "support_service.cases.store"),
    Planted("tables", "timeline/planted.py", "support_service.cases.tables"),
    Planted("demo", "demo/planted.py", "support_service.cases.service"),
    Planted("settings", "cases/planted.py", "support_service.config"),
    Planted("migrations", "migrations/planted.py", "support_service.cases.service"),
    Planted("clients", "cases/planted.py", "aiohttp"),
    Planted("clients", "demo/planted.py", "confluent_kafka"),
    Planted("server", "demo/planted.py", "granian"),
    Planted("driver", "sources/planted.py", "asyncpg"),
]


def broken_contracts(checkout: Path) -> tuple[list[str], str]:
    """The names of the contracts that lint-imports finds broken there, and all it said."""
    lint = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        check=False,
        capture_output=True,
        text=True,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout / "src"), "COLUMNS": "300"},
    )
    said = lint.stdout + lint.stderr
    broken = [line.removesuffix(" BROKEN").strip() for line in said.splitlines() if line.endswith(" BROKEN")]
    assert (lint.returncode == 0) == (not broken), said
    assert f"{len(NAMES) - len(broken)} kept" in said, said
    return broken, said


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What lint-imports reads of this checkout."""
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for folder in ("src", "tools"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_package_keeps_every_contract(copy: Path) -> None:
    broken, said = broken_contracts(copy)
    assert not broken, said


def test_every_contract_is_broken_here_once() -> None:
    assert {planted.contract for planted in PLANTED} == set(NAMES)


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_a_planted_import_breaks_its_contract_and_no_other(planted: Planted, copy: Path) -> None:
    module = copy / "src" / "support_service" / planted.module
    module.parent.mkdir(exist_ok=True)
    module.write_text(f"import {planted.imports}\n", "utf-8")
    broken, said = broken_contracts(copy)
    assert broken == [NAMES[planted.contract]], said
    name = ".".join(module.relative_to(copy / "src").with_suffix("").parts).removesuffix(".__init__")
    assert name in said.partition("Broken contracts")[2]
