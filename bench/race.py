"""The race: events come through the product's own intake while sessions read by HTTP from two processes.

Events come in bursts, as a parcel's do when its carrier catches up: some versions of an order milliseconds apart, then a
rest longer than the bound. The first of a burst makes readers miss, so their fills are raced by the next ones; what is
then kept wrongly shows in the rest.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from bench import golang, history, shop
from bench.bed import Bed, Case
from bench.history import Read, Verdict, Write
from support_service import wiring
from support_service.context import Context
from support_service.demo.events import event_of
from support_service.demo.facts import ShopFact
from support_service.kit.clock import SystemClock
from support_service.ports.events import Record

SESSIONS = 24
FACTS = 6
"""Of an order before the race, which the lake knows; what comes in the race comes by event only."""

HEAT = 50
"""Orders that are raced over at a time: so few that each is always being read."""

GROUP = 25
"""Orders whose events come in one batch."""

BURST = 8
"""Batches in quick succession."""

VERSIONS = 80
"""Of each order: they fit on its first page."""

_GAP_S = 0.02
_TURN_S = 0.6
_READER = Path(__file__).with_name("reader")
_WARM_S = 1.0
_AFTER_S = history.BOUND_S + 1.1
_QUIET_S = history.QUIET_S + 0.5
_PATIENCE_S = 30.0
_NS = 1e9


class Intake:
    """The product's own intake of shop events, and when each batch was committed."""

    def __init__(self, services: wiring.Services) -> None:
        """Take events in as a worker with these services does."""
        self._services = services
        self._committed = 0.0
        self._offsets = count(1)
        self._context = Context(
            services.database,
            services.sources,
            services.directory,
            SystemClock(),
            after_commit=self._after_commit,
        )

    async def take(self, facts: Sequence[ShopFact]) -> list[Write]:
        """Take in the events of facts, in one batch."""
        began = time.time()
        await self._context.ingest([_record(fact, next(self._offsets)) for fact in facts])
        return [Write(fact.order_id, fact.version, began, self._committed) for fact in facts]

    async def _after_commit(self, generations: Mapping[str, int]) -> None:
        self._committed = time.time()
        await self._services.shared.raise_floors(generations)


def newest_of(order_id: str) -> ShopFact:
    """The last thing that the shop said of an order before the race."""
    return shop.facts_of(order_id, FACTS)[-1]


def following(fact: ShopFact) -> ShopFact:
    """The next version of the same order."""
    return replace(fact, version=fact.version + 1, occurred_at=SystemClock().now())


def mark_of(order_id: str) -> str:
    """What stands before an order's version in the body of a timeline."""
    return f'"entry_id":"order:{order_id}:'


@dataclass(frozen=True, slots=True)
class Plan:
    """What the readers do; see `bench/reader/main.go`."""

    addresses: Sequence[str]
    sessions: int
    first: int
    tokens: Sequence[str]
    paths: Sequence[str]
    marks: Sequence[str]
    tags: bool
    seed: int
    longest_s: float


@dataclass
class Race:
    """One race over some cases."""

    bed: Bed
    intake: Intake
    addresses: Sequence[str]
    cases: Sequence[Case]
    tags: bool
    """Whether sessions send ETags back; without them a session that changes process may go back."""
    seed: int
    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)

    async def run(self, *, quiet: bool) -> Verdict:
        """Heat after heat; with `quiet`, all is read once more ten seconds after the last."""
        self.writes = [Write(case.order_id, newest_of(case.order_id).version, 0.0, 0.0) for case in self.cases]
        for first in range(0, len(self.cases), HEAT):
            cases = self.cases[first : first + HEAT]
            async with self._reading(cases, first_session=first):
                await asyncio.sleep(_WARM_S)
                await self._write(cases)
                await asyncio.sleep(_AFTER_S)
        if quiet:
            await asyncio.sleep(_QUIET_S - _AFTER_S)
            async with self._reading(self.cases, first_session=len(self.cases)):
                await asyncio.sleep(_WARM_S)
        return await asyncio.to_thread(history.judge, self.writes, self.reads)

    async def _write(self, cases: Sequence[Case]) -> None:
        random = Random(self.seed)  # noqa: S311 - a reproducible load
        latest = {case.order_id: newest_of(case.order_id) for case in cases}
        groups = [list(latest)[first : first + GROUP] for first in range(0, len(cases), GROUP)]
        for group in groups * (VERSIONS // BURST):
            ends = time.monotonic() + _TURN_S
            for _ in range(BURST):
                latest |= {order_id: following(latest[order_id]) for order_id in group}
                self.writes += await self.intake.take([latest[order_id] for order_id in group])
                await asyncio.sleep(random.uniform(0, _GAP_S))
            await asyncio.sleep(max(0.0, ends - time.monotonic()))

    @asynccontextmanager
    async def _reading(self, cases: Sequence[Case], *, first_session: int) -> AsyncIterator[None]:
        plan = Plan(
            addresses=self.addresses,
            sessions=SESSIONS,
            first=first_session,
            tokens=[person.token for person in self.bed.people],
            paths=[f"/support/cases/{case.ticket_id}/timeline" for case in cases],
            marks=[mark_of(case.order_id) for case in cases],
            tags=self.tags,
            seed=self.seed,
            longest_s=600,
        )
        async with golang.running(_READER, asdict(plan), self.bed.folder) as readers:
            await readers.tell("go")
            yield
            await readers.tell("stop")
            self.reads += _reads(await readers.result(_PATIENCE_S), cases)


def _reads(columns: Mapping[str, Sequence[int]], cases: Sequence[Case]) -> Iterator[Read]:
    names = ("session", "process", "path", "began", "ended", "version", "status")
    for row in zip(*(columns[name] for name in names), strict=True):
        session, process, path, began, ended, version, status = row
        order_id = cases[path].order_id
        yield Read(str(session), str(process), order_id, began / _NS, ended / _NS, version, status)


def _record(fact: ShopFact, offset: int) -> Record:
    event = event_of(fact)
    assert event is not None  # noqa: S101 - an order's version always has one
    return Record(event.topic, 0, offset, event.key.encode(), event.value, (), event.occurred_at.timestamp())
