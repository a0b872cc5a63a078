"""Reads are never stale past the bound: thousands of invalidations race the fills of two API processes, and Redis stands still."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

import pytest
from bench.history import Read, Write, judge

from support.postgres import DatabaseDsns
from support.service import Person, RunningService, another_api, running_service
from support.shop import every_fact, record_of
from support.stack import SharedStack
from support_service.demo.events import event_of
from support_service.kit.clock import SystemClock
from support_service.ports.events import Record

ORDERS = 40
SESSIONS = 8
BURSTS = 75
GROUP = 10
"""Orders whose events come in one batch."""
BURST = 4
"""Batches in quick succession, so that a fill that an invalidation called for is raced by the next one."""
NOTE_ONE_IN = 30
QUIET_S = 10.2
READ_BEFORE_S = 0.6


@pytest.fixture
async def service(
    stack: SharedStack, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path, alone: None
) -> AsyncIterator[RunningService]:
    url = stack["redis"].url
    async with running_service(database_dsns, empty_database_url, tmp_path, redis_url=url) as running:
        yield running


@dataclass(slots=True)
class Case:
    order_id: str
    customer_id: str
    ticket_id: str
    version: int = 0
    """Of its order, as written last."""


@dataclass(slots=True)
class History:
    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)


def events(cases: list[Case], offsets: Iterator[int]) -> list[Record]:
    """One more version of each of these orders, as the shop tells them."""
    records = []
    for case in cases:
        case.version += 1
        fact = replace(every_fact(case.order_id, case.customer_id)[0], version=case.version)
        event = event_of(fact)
        assert event is not None
        records.append(record_of(event, next(offsets))._replace(timestamp=SystemClock().now().timestamp()))
    return records


async def write(service: RunningService, cases: list[Case], history: History) -> None:
    """Bursts of events, group after group, through the worker's own intake."""
    offsets, random = count(1), Random(1)
    for burst in range(BURSTS):
        group = [cases[(burst * GROUP + n) % len(cases)] for n in range(GROUP)]
        for _ in range(BURST):
            records = events(group, offsets)
            began = time.monotonic()
            await service.worker.context.ingest(records)
            committed = time.monotonic()
            history.writes += [Write(case.order_id, case.version, began, committed) for case in group]
            await asyncio.sleep(random.uniform(0, 0.03))
        await asyncio.sleep(0.08)


@dataclass(slots=True)
class Session:
    """An agent who reads timelines, and now and then says something in a case and reads that."""

    name: str
    processes: dict[str, Person]
    history: History
    random: Random
    shown: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The ETag of what was shown of each order last, and its version."""

    async def run(self, cases: list[Case], stop: asyncio.Event) -> None:
        while not stop.is_set():
            case = self.random.choice(cases)
            for process in self.random.sample(sorted(self.processes), 2):  # one of them may be behind the other
                await self.look(process, case)
            if self.random.randrange(NOTE_ONE_IN) == 0:
                await self.note(case)

    async def look(self, process: str, case: Case) -> None:
        """Read a timeline, saying what of it was shown last."""
        etag, version = self.shown.get(case.order_id, ('"none"', 0))
        began = time.monotonic()
        path = f"/support/cases/{case.ticket_id}/timeline"
        answer = await self.processes[process].ask("GET", path, If_None_Match=etag)
        if answer.status == 200:
            entries = answer.body["entries"]
            version = max((entry["version"] for entry in entries if entry["entity_id"] == case.order_id), default=0)
            self.shown[case.order_id] = answer.headers["etag"], version
        self.keep(process, case.order_id, began, version, answer.status)

    async def note(self, case: Case) -> None:
        """Say something in one process and read the case in another."""
        by, other = self.random.sample(sorted(self.processes), 2)
        began = time.monotonic()
        said = await self.processes[by].say(case.ticket_id, "Called the carrier.", internal=True)
        assert said.status == 201
        version = version_of(said.headers["etag"])
        self.history.writes.append(Write(case.ticket_id, version, began, time.monotonic(), self.name))
        began = time.monotonic()
        answer = await self.processes[other].ask("GET", f"/support/cases/{case.ticket_id}")
        self.keep(other, case.ticket_id, began, version_of(answer.headers["etag"]), answer.status)

    def keep(self, process: str, subject: str, began: float, version: int, status: int) -> None:
        read = Read(self.name, process, subject, began, time.monotonic(), version, status)
        self.history.reads.append(read)


def version_of(etag: str) -> int:
    found = re.fullmatch(r'"(\d+)"', etag)
    assert found, etag
    return int(found[1])


async def hurt_redis(stack: SharedStack) -> None:
    """Let it stand still in the middle, so that every call to it is waited for in vain."""
    await asyncio.sleep(6)
    stack["redis"].pause()
    await asyncio.sleep(3)
    stack["redis"].resume()


async def equals_its_source(session: Session, process: str, case: Case) -> bool:
    """Whether a process shows what a page that is put together now does; what it shows is judged, too."""
    await session.look(process, case)
    shown = await session.processes[process].timeline(case.ticket_id)
    path = f"/support/cases/{case.ticket_id}/timeline?limit=99"  # a page of this size is never cached
    source = await session.processes[process].get(path)
    return bool(shown["entries"][:99] == source["entries"])


@pytest.mark.slow
@pytest.mark.timeout(120, func_only=True)
async def test_no_promise_of_the_cache_is_broken_while_events_race_fills_and_redis_stands_still(
    service: RunningService, stack: SharedStack
) -> None:
    opener = service.person("AGENT", teams=("orders",))
    cases = []
    for n in range(ORDERS):
        customer_id = f"{service.shop.lake_role}-{n}"  # nobody else's: all tests share one Redis
        opened = await opener.open_case(customer_id=customer_id, order_id=f"o-{n}")
        cases.append(Case(f"o-{n}", customer_id, opened["ticket_id"]))
    history, stop = History(), asyncio.Event()
    history.writes += [Write(case.ticket_id, 1, 0.0, 0.0) for case in cases]
    async with another_api(service) as second_url:
        sessions = []
        for n in range(SESSIONS):
            agent = service.person("AGENT", teams=("orders",))
            processes = {"a": agent, "b": replace(agent, url=second_url)}
            sessions.append(Session(f"s-{n}", processes, history, Random(n)))
        reading = [asyncio.create_task(session.run(cases, stop)) for session in sessions]
        await asyncio.gather(write(service, cases, history), hurt_redis(stack))
        await asyncio.sleep(READ_BEFORE_S)
        stop.set()
        await asyncio.gather(*reading)
        await asyncio.sleep(QUIET_S)
        differs = [
            case.order_id for case in cases for name in "ab" if not await equals_its_source(sessions[0], name, case)
        ]
    verdict = judge(history.writes, history.reads)
    assert not verdict.breaches, str(verdict)
    assert differs == []
    assert verdict.refused == 0
    invalidations = BURSTS * BURST * GROUP
    assert min(verdict.raced, verdict.held) > invalidations / 3, verdict  # else little was put to the test
