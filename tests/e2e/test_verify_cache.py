"""`support-service verify-cache`: caches that are kept behind or tampered with are found, right ones are not."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.postgres import DatabaseDsns
from support.service import Person, RunningService, eventually, running_service
from support.shop import every_fact
from support_service import wiring
from support_service.directory import Profile
from support_service.entrypoints.page_comparison import Shown
from support_service.entrypoints.page_readers import ApiPages, CannotRead, Case
from support_service.entrypoints.verify_cache import Report, Verification, verified
from support_service.ports.cache import CachedBody
from support_service.timeline import CaseKey, floor_key

if TYPE_CHECKING:
    from tools.stack import Running


@pytest.fixture
async def shared(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path, redis: "Running"
) -> AsyncIterator[RunningService]:
    """A service whose pages are shared by a real Redis."""
    async with running_service(database_dsns, empty_database_url, tmp_path, redis_url=redis.url) as running:
        yield running


async def three_cases(service: RunningService, agent: Person) -> dict[str, CaseKey]:
    """Three cases, one of them without an order, whose pages are cached; by ticket id."""
    named = service.shop.lake_role  # no other test has such customers: all share one Redis
    for n in (1, 2, 3):
        await service.shop.add(every_fact(f"{named}-o-{n}", f"{named}-{n}"))
    cases = {}
    for n, order in ((1, f"{named}-o-1"), (2, f"{named}-o-2"), (3, None)):
        case = await agent.open_case(customer_id=f"{named}-{n}", order_id=order)
        cases[case["ticket_id"]] = CaseKey(f"{named}-{n}", order)
    await all_events_in(service)
    for ticket_id in cases:
        await eventually(partial(cached_whole, agent, ticket_id))
    await service.api.shared.close()  # pages are shared after their readers are answered
    return cases


async def all_events_in(service: RunningService) -> None:
    """Wait until no more events come: each one outdates what was cached before it."""
    before, now = -1, 0
    while now == 0 or now != before:
        await asyncio.sleep(0.6)
        async with service.api.database.connection() as connection:
            before, now = now, int(await connection.fetchval("SELECT count(*) FROM support_timeline_events"))


async def cached_whole(agent: Person, ticket_id: str) -> bool:
    """Whether the page is in a cache with everything that came by event."""
    answer = await agent.ask("GET", f"/support/cases/{ticket_id}/timeline")
    return "hit" in answer.headers["cache-status"] and len(answer.body["entries"]) > 20


async def verify(service: RunningService, **how: Any) -> Report:
    """Compare in services of its own, as the command does."""
    return await verified(wiring.Services(service.api.settings, name="test-verify"), cases=50, at_most_s=40, **how)


def without(page: CachedBody, entry_id: str, *, younger_s: float = 0.001) -> CachedBody:
    """The page as if one entry had never come, kept a little later so that a cache takes it."""
    told = json.loads(page.body)
    told["entries"] = [entry for entry in told["entries"] if entry["entry_id"] != entry_id]
    return replace(page, body=json.dumps(told).encode(), filled_at=page.filled_at + timedelta(seconds=younger_s))


async def plant_near(service: RunningService, key: CaseKey, entry_id: str) -> None:
    """Put a page without an entry into the near cache of the API's process."""
    name = f"tl:{{{key.customer_id}}}:{key.order_id}:{Profile.CLEAR}:1"
    kept = await service.api.cache.get(name, floor_key(key.customer_id))
    assert kept is not None
    assert await service.api.cache.put(name, floor_key(key.customer_id), without(kept, entry_id), 60)


async def test_near_caches_that_are_right_are_not_blamed(service: RunningService) -> None:
    agent = service.person("AGENT")
    cases = await three_cases(service, agent)
    report = await verify(service, url=service.url, token=agent.token)
    assert (report.cases, report.compared, report.from_cache, report.behind) == (len(cases), 3, 3, [])
    assert report.status == 0


async def test_a_near_cache_that_lacks_an_event_is_past_the_promise_and_named_by_ids_alone(
    service: RunningService,
) -> None:
    agent = service.person("AGENT")
    cases = await three_cases(service, agent)
    ticket_id, key = next(iter(cases.items()))
    lost = f"order:{key.order_id}:2"
    await plant_near(service, key, lost)
    await asyncio.sleep(0.6)
    report = await verify(service, url=service.url, token=agent.token)
    [behind] = report.behind
    assert (behind.ticket_id, behind.difference.missing, behind.difference.extra) == (ticket_id, (lost,), ())
    assert behind.difference.past_promise
    assert behind.difference.behind_s > 0.5
    assert report.status == 1
    assert key.customer_id not in report.as_json()


class Stuttering(ApiPages):
    """Readers who at their first look are shown a page that lacks an entry."""

    def __init__(self, url: str, token: str, entry_id: str) -> None:
        super().__init__(url, token)
        self._entry_id = entry_id
        self._looked: set[Case] = set()

    async def shown(self, case: Case) -> Shown | None:
        shown = await super().shown(case)
        if case in self._looked or shown is None or shown.page is None:
            return shown
        self._looked.add(case)
        entries = tuple(entry for entry in shown.page.entries if entry.entry_id != self._entry_id)
        return replace(shown, page=shown.page.model_copy(update={"entries": entries}))


async def test_a_page_that_catches_up_before_the_second_look_was_behind_but_is_not_blamed(
    service: RunningService,
) -> None:
    agent = service.person("AGENT")
    cases = await three_cases(service, agent)
    lost = f"order:{next(iter(cases.values())).order_id}:1"
    await asyncio.sleep(0.6)
    services = wiring.Services(service.api.settings, name="test-verify")
    pages = Stuttering(service.url, agent.token, lost)
    check = Verification(services, pages)
    try:
        await check.run(50)
    finally:
        await pages.close()
        await services.close()
    [behind] = check.report.behind
    assert (behind.difference.missing, behind.difference.past_promise) == ((lost,), False)
    assert behind.difference.behind_s > 0.5


async def test_a_fact_without_an_event_may_be_late_by_a_minute(service: RunningService) -> None:
    agent = service.person("AGENT")
    cases = await three_cases(service, agent)
    key = next(iter(cases.values()))
    await plant_near(service, key, f"feedback:{key.order_id}:1")
    report = await verify(service, url=service.url, token=agent.token)
    [behind] = report.behind
    assert (behind.difference.missing, behind.difference.past_promise) == ((f"feedback:{key.order_id}:1",), False)
    assert report.status == 0


async def test_a_shared_cache_that_is_right_is_not_blamed(shared: RunningService) -> None:
    await three_cases(shared, shared.person("AGENT"))
    report = await verify(shared)
    assert (report.where, report.cases, report.compared, report.not_cached, report.behind) == (
        "shared cache",
        3,
        3,
        0,
        [],
    )
    assert report.status == 0


async def test_a_shared_page_that_was_tampered_with_is_found(shared: RunningService) -> None:
    cases = await three_cases(shared, shared.person("AGENT"))
    key = next(iter(cases.values()))
    page = await shared.api.timeline.shared_page(key, Profile.CLEAR)
    assert page is not None
    assert shared.api.shared_cache is not None
    lost = f"shipment:{key.order_id}:1"
    assert await shared.api.shared_cache.put(page.key, floor_key(key.customer_id), without(page, lost), 60)
    await asyncio.sleep(0.6)
    report = await verify(shared)
    [behind] = report.behind
    assert (behind.difference.missing, behind.difference.past_promise, report.status) == ((lost,), True, 1)
    garbled = replace(page, body=b"{", filled_at=page.filled_at + timedelta(seconds=0.002))
    assert await shared.api.shared_cache.put(page.key, floor_key(key.customer_id), garbled, 60)
    [behind] = (await verify(shared)).behind
    assert (behind.difference.readable, behind.difference.past_promise) == (False, True)


async def test_a_shared_page_that_no_reader_would_be_shown_is_not_held_against_the_cache(
    shared: RunningService,
) -> None:
    cases = await three_cases(shared, shared.person("AGENT"))
    key = next(iter(cases.values()))
    page = await shared.api.timeline.shared_page(key, Profile.CLEAR)
    assert page is not None
    async with shared.api.database.transaction() as tx:
        (reached,) = (await shared.api.directory.lock_customers(tx, [key.customer_id])).values()
        await shared.api.directory.raise_generations(tx, {key.customer_id: reached + 1})
    report = await verify(shared)
    assert (report.compared, report.not_cached, report.behind, report.status) == (2, 1, [], 0)


async def test_without_a_cache_to_read_or_with_one_that_is_away_there_is_nothing_to_say(
    service: RunningService,
) -> None:
    with pytest.raises(CannotRead, match="REDIS_URL"):
        await verify(service)
    with pytest.raises(CannotRead, match="TOKEN"):
        await verify(service, url=service.url)
    with pytest.raises(CannotRead, match="AGENT"):
        await verify(service, url=service.url, token=service.person("ANALYST").token)
    away = service.api.settings.model_copy(
        update={"redis_url": type(service.api.settings.database_url)("redis://127.0.0.1:1")}
    )
    with pytest.raises(CannotRead, match="does not answer"):
        await verified(wiring.Services(away, name="test-verify"), cases=5, at_most_s=10)


async def test_it_stops_in_time_and_says_so(service: RunningService) -> None:
    agent = service.person("AGENT")
    await three_cases(service, agent)
    services = wiring.Services(service.api.settings, name="test-verify")
    report = await verified(services, cases=50, at_most_s=0.001, url=service.url, token=agent.token)
    assert (report.complete, report.compared, report.status) == (False, 0, 2)


async def test_the_command_reads_its_settings_and_token_from_the_environment(service: RunningService) -> None:
    agent = service.person("SUPERVISOR")
    await three_cases(service, agent)
    settings = service.api.settings
    told = {
        "DEMO": "true",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "LAKE_URL": settings.lake_url.get_secret_value() if settings.lake_url else "",
        "LOCAL_ISSUER_KEY": str(settings.local_issuer_key),
        "TIMELINE_WINDOW_DAYS": "7300",
        "TOKEN": agent.token,
    }
    command = [sys.executable, "-m", "support_service.entrypoints.cli", "verify-cache", "--json", "--url", service.url]
    done = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | told, capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["compared"] == 3
