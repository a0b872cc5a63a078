"""`support-service doctor`: what is configured, reachable and wrong, and how to mend it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from support_service import migrations, wiring
from support_service.config import Settings
from support_service.demo.state import DemoFolder
from support_service.kit import deadletters, eventlog, logs
from support_service.kit.problems import Problem
from support_service.ports.blobs import BlobsUnavailable
from support_service.ports.commerce import CommerceError
from support_service.ports.identity import IdentityUnavailable
from support_service.ports.lake import LakeError

_DEADLINE_S = 5.0
_OLDEST_VERSION = 160_000
_MOST_UNSTAMPED_S = 5.0
_MOST_BEHIND = 1_000
_MOST_OVERDUE_S = 60.0

State = Literal["ok", "off", "warn", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    part: str
    state: State
    says: str
    mend: str = ""


def examine() -> int:
    """Look at everything, print what was found; returns 1 when something is wrong, else 0.

    Without settings of its own it looks at this checkout's running demo.
    """
    logs.configure(log_format="console", level="error")
    DemoFolder.of_this_checkout().lend_settings()
    try:
        services = wiring.Services(Settings(), name="support-doctor")
    except ValidationError as error:
        wrong = [
            Finding("settings", "wrong", f"{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}", "docs/settings.md")
            for one in error.errors(include_input=False)
        ]
        return _print(wrong)
    except wiring.NotConfigured as error:
        return _print([Finding("settings", "wrong", str(error), "docs/settings.md")])
    return _print(asyncio.run(_look(services)))


async def _look(services: wiring.Services) -> list[Finding]:
    looks: tuple[Callable[[wiring.Services], Awaitable[list[Finding]]], ...] = (
        _database,
        _flow,
        _lake,
        _commerce,
        _events,
        _identity,
        _webhooks,
        _files,
    )
    findings: list[Finding] = []
    try:
        for look in looks:
            part = look.__name__.strip("_")
            try:
                async with asyncio.timeout(_DEADLINE_S):
                    findings += await look(services)
            except TimeoutError:
                findings.append(Finding(part, "wrong", f"no answer within {_DEADLINE_S:.0f} s", "Is it overloaded?"))
    finally:
        await services.close()
    return findings


async def _database(services: wiring.Services) -> list[Finding]:
    try:
        async with services.database.connection() as connection:
            version = int(await connection.fetchval("SHOW server_version_num"))
            may_delete = await connection.fetchval(
                "SELECT to_regclass('support_agent_activity') IS NOT NULL"
                " AND has_table_privilege('support_agent_activity', 'DELETE')"
            )
        revision = await migrations.revision_of(services.database)
    except Problem:
        return [Finding("database", "wrong", "cannot be reached", "Check DATABASE_URL and that PostgreSQL runs.")]
    findings = [Finding("database", "ok", f"PostgreSQL {version // 10_000}, at revision {revision}")]
    if version < _OLDEST_VERSION:
        findings.append(Finding("database", "wrong", "older than PostgreSQL 16", "Upgrade the server."))
    if revision != migrations.newest_revision():
        mend = "Run: support-service migrate"
        findings.append(Finding("database", "wrong", f"needs revision {migrations.newest_revision()}", mend))
    if may_delete:
        mend = "Run the service as a role of its own: DATABASE_URL apart from DATABASE_OWNER_URL."
        findings.append(Finding("database", "warn", "the service's role may rewrite what was recorded", mend))
    return findings


async def _flow(services: wiring.Services) -> list[Finding]:
    """The relay, the followers and the dead letters, as the database shows them."""
    try:
        async with services.database.connection() as connection:
            rows, oldest_s = await eventlog.unstamped(connection)
            lags = await eventlog.lags(connection)
            letters = await deadletters.waiting(connection)
    except Exception as error:  # noqa: BLE001 - the database's own finding says what is wrong with it
        return [Finding("event log", "wrong", f"cannot be read ({type(error).__name__})", "See database.")]
    findings = []
    if rows and oldest_s > _MOST_UNSTAMPED_S:
        findings.append(Finding("relay", "wrong", f"{rows} events wait, the oldest {oldest_s:.0f} s", _RUN_WORKER))
    else:
        findings.append(Finding("relay", "ok", "keeps up"))
    for name, behind in lags.items():
        state: State = "ok" if behind <= _MOST_BEHIND else "wrong"
        findings.append(Finding(f"follower {name}", state, f"{behind} behind", "" if state == "ok" else _RUN_WORKER))
    if letters:
        mend = "Look at them: support-service dead-letters list"
        findings.append(Finding("dead letters", "warn", f"{letters} messages set aside", mend))
    return findings


_RUN_WORKER = "Is `support-service worker` running? Its log says what holds it up."


async def _files(services: wiring.Services) -> list[Finding]:
    if services.blobs is None:
        return [Finding("files", "off", "BLOBS_DIRECTORY is not set: cases take no attachments")]
    try:
        await services.blobs.size("doctor")
    except BlobsUnavailable:
        return [Finding("files", "wrong", "cannot be read", "Check BLOBS_DIRECTORY and who may read and write there.")]
    return [Finding("files", "ok", "can be read")]


async def _webhooks(services: wiring.Services) -> list[Finding]:
    try:
        async with services.database.connection() as connection:
            states, oldest_s = await services.webhook_jobs.health(connection)
    except Exception as error:  # noqa: BLE001 - the database's own finding says what is wrong with it
        return [Finding("webhooks", "wrong", f"cannot be read ({type(error).__name__})", "See database.")]
    if not states:
        return [Finding("webhooks", "off", "nobody has asked to be told of anything")]
    findings = [Finding("webhooks", "ok", f"{states.get('active', 0)} switched on")]
    if oldest_s > _MOST_OVERDUE_S:
        mend = "Is `support-service worker` running? Else a receiver is slow: see its deliveries."
        findings.append(Finding("webhooks", "warn", f"a delivery is {oldest_s:.0f} s overdue", mend))
    if by_themselves := states.get("gone", 0) + states.get("failing", 0):
        mend = "GET /support/webhooks says which and why; mend the receiver, then switch it on again."
        findings.append(Finding("webhooks", "warn", f"{by_themselves} switched off by themselves", mend))
    return findings


async def _lake(services: wiring.Services) -> list[Finding]:
    if services.lake is None:
        return [Finding("lake", "off", "LAKE_URL is not set: every source is asked for by its REST service")]
    try:
        await services.lake.ping(deadline_s=_DEADLINE_S - 1)
    except LakeError as error:
        return [Finding("lake", "wrong", error.reason, "Check LAKE_URL, its role's login, and that the view is there.")]
    return [Finding("lake", "ok", "the timeline view answers")]


async def _commerce(services: wiring.Services) -> list[Finding]:
    if services.settings.shop_api_url is None:
        return [Finding("shop services", "off", "SHOP_API_URL is not set: there is no fall-back for the lake")]
    return list(await asyncio.gather(*(_service(services, name) for name in wiring.SHOP_SERVICES)))


async def _service(services: wiring.Services, name: str) -> Finding:
    try:
        await services.commerce.get(name, "health", {}, deadline_s=2.0)
    except CommerceError as error:
        return Finding(f"service {name}", "wrong", error.reason, "Check SHOP_API_URL, SHOP_API_TOKEN and the service.")
    return Finding(f"service {name}", "ok", "answers")


async def _events(services: wiring.Services) -> list[Finding]:
    if services.events is None:
        return [
            Finding(
                "shop events",
                "off",
                "neither KAFKA_SERVERS nor SHOP_EVENTS_URL is set: timelines are as fresh as the lake",
            )
        ]
    return [Finding("shop events", "ok", "configured; the worker's log and metrics say how it goes")]


async def _identity(services: wiring.Services) -> list[Finding]:
    if services.issuer is not None:
        return [Finding("identity", "warn", "the demo's own issuer", "For real users set OIDC_ISSUER.")]
    try:
        await services.keys.find(None, services.settings.oidc_algorithms[0])
    except IdentityUnavailable:
        mend = "Check OIDC_ISSUER: its discovery document and keys must be reachable from here."
        return [Finding("identity", "wrong", "the issuer's keys cannot be had", mend)]
    return [Finding("identity", "ok", f"keys of {services.settings.oidc_issuer}")]


def _print(findings: list[Finding]) -> int:
    marks = {"ok": "[green]ok", "off": "[dim]off", "warn": "[yellow]mind", "wrong": "[red]WRONG"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "part", "says", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(marks[finding.state], finding.part, finding.says, finding.mend)
    Console().print(table)
    return int(any(finding.state == "wrong" for finding in findings))
