"""The whole API, asked by Schemathesis what its own document allows and what it does not: no 5xx, nothing undocumented."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.postgres import DatabaseDsns
from support.service import Person, RunningService, running_service
from support.shop import every_fact
from support_service.entrypoints.http import build

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "negative_data_rejection",
    "ignored_auth",
)
LEFT_OUT = {
    "/support/stream": "answers for as long as somebody listens: tests/e2e/test_stream.py asks it",
    "/demo/people": "is the demo's, which no deployment has",
    "/demo/sign-in": "likewise",
}
EXAMPLES = 12
"""Of each operation and phase; the seed is fixed, so that a run can be had again."""
AT_MOST_S = 240
"""It takes half a minute, and on a machine that is busy several times that."""


@pytest.fixture
async def service(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service without limits: they are not what is looked at."""
    rates: dict[str, Any] = {f"rate_limit_{each}": 0 for each in ("reads", "writes", "machine_reads", "machine_writes")}
    async with running_service(
        database_dsns,
        empty_database_url,
        tmp_path,
        rate_limit_failed_sign_ins=0,
        webhooks_private_networks="127.0.0.1/32",
        **rates,
    ) as running:
        yield running


async def fuzz(service: RunningService, person: Person, folder: Path) -> tuple[int | None, str]:
    """With what Schemathesis ends, and what it says."""
    # One worker: in two threads CPython 3.11 takes one's syntax trees for the other's (gh-106905).
    left_out = [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json",
        "--header", f"Authorization: Bearer {person.token}", "--checks", ",".join(CHECKS), *left_out,
        "--max-examples", str(EXAMPLES), "--seed", "8360", "--generation-database", "none", "--workers", "1",
        "--request-timeout", "10", "--no-color", "--warnings", "off", "--continue-on-failure",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(AT_MOST_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return process.returncode, said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["SUPERVISOR", "SERVICE"])
@pytest.mark.timeout(300)
async def test_no_answer_is_a_5xx_or_undocumented_whatever_is_asked(
    service: RunningService, tmp_path: Path, role: str
) -> None:
    await service.shop.add(every_fact("o-1", "c-1"))
    person = service.person(role)
    await person.open_case(order_id="o-1")
    code, said = await fuzz(service, person, tmp_path)
    assert code == 0, said
    paths = build(service.api).openapi()["paths"]
    assert LEFT_OUT.keys() <= paths.keys()
    operations = sum(len(methods) for path, methods in paths.items() if path not in LEFT_OUT)
    assert f"Tested: {operations}\n" in said
