"""Storms of cold reads: many cases that nobody has looked at, or one, asked for at once; and the same orders asked of Trino."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench import load, truth
from bench.bed import Bed, Case
from bench.lake import Lake
from bench.load import Outcome, Plan
from support_service.adapters.trino import TrinoClient, TrinoLake
from support_service.ports.lake import LakeRow
from support_service.sources import SOURCES
from support_service.sources.batching import IN_FLIGHT
from support_service.sources.from_lake import MOST_ROWS

CONNECTIONS = 1000
FACTS = 6
"""Of each order: one of every source, and one more."""

_API_TAG = "support-service-support-api"
_OUR_TAG = "support-service-bench"
_NAMES = [source.name for source in SOURCES]
_WINDOW = timedelta(days=730)
_PATIENCE_S = 30.0
_WARM_CONNECTIONS = 64
_WARM_S = 3.0


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of one."""

    queries: int
    """That the API processes sent to Trino."""
    seconds: float
    """From the first request to the last answer."""
    p99_ms: float
    faults: Sequence[str]


async def new_cases(bed: Bed, name: str, count: int) -> list[Case]:
    """Cases that nobody has looked at, each on an order of its own, their contexts stored."""
    orders = [f"{name}-{number:04}" for number in range(count)]
    await bed.stock(orders, FACTS)
    opened = len(bed.cases)
    await bed.open_cases(orders)
    return bed.cases[opened:]


async def warm(bed: Bed, case: Case) -> None:
    """Look at one case again and again with every token, which both processes then know, for 30 s."""
    plan = Plan(
        address=bed.address,
        connections=_WARM_CONNECTIONS,
        seconds=_WARM_S,
        paths=[_path(case)],
        tokens=[person.token for person in bed.people],
        expected=(),
    )
    await load.run(plan, {}, bed.folder)


async def storm(bed: Bed, lake: Lake, cases: Sequence[Case]) -> Storm:
    """1,000 requests for the timelines of these cases at once, every answer compared with the shop's facts."""
    before = await _queries(lake)
    plan = Plan(
        address=bed.address,
        connections=CONNECTIONS,
        seconds=1.0,
        paths=[_path(case) for case in cases],
        tokens=[person.token for person in bed.people],
        expected=(),
        once=True,
    )
    outcome = await load.run(plan, {}, bed.folder)
    sent = len(await _queries(lake) - before)
    return Storm(sent, outcome.seconds, outcome.p99_ms, _faults(outcome, cases))


async def one_batch_s(lake: Lake, cases: Sequence[Case]) -> float:
    """Seconds for one query of all these orders by the service's own client, session and limits."""

    async def ask(reader: TrinoLake) -> None:
        rows = await _facts(reader, [case.order_id for case in cases])
        _complete(rows, len(cases))

    return await _timed(lake, ask)


async def query_each_s(lake: Lake, cases: Sequence[Case], *, processes: int) -> float:
    """Seconds for one query a case by the same, with as many in flight as so many processes of the service may have."""
    gate = asyncio.Semaphore(IN_FLIGHT * processes)

    async def one(reader: TrinoLake, case: Case) -> None:
        async with gate:
            _complete(await _facts(reader, [case.order_id]), 1)

    async def ask(reader: TrinoLake) -> None:
        await asyncio.gather(*(one(reader, case) for case in cases))

    return await _timed(lake, ask)


def _path(case: Case) -> str:
    return f"/support/cases/{case.ticket_id}/timeline"


async def _timed(lake: Lake, work: Callable[[TrinoLake], Awaitable[None]]) -> float:
    reader = TrinoLake(TrinoClient(lake.url, source=_OUR_TAG), view=lake.view, sources=_NAMES)
    try:
        started = time.perf_counter()
        await work(reader)
        return time.perf_counter() - started
    finally:
        await reader.close()


async def _facts(reader: TrinoLake, orders: Sequence[str]) -> list[LakeRow]:
    since = datetime.now(UTC) - _WINDOW
    return await reader.facts(orders, sources=_NAMES, since=since, limit=MOST_ROWS + 1, deadline_s=_PATIENCE_S)


def _complete(rows: Sequence[LakeRow], orders: int) -> None:
    if len(rows) != orders * FACTS:
        raise truth.WrongAnswer(f"{len(rows)} rows of {orders} orders")


async def _queries(lake: Lake) -> set[object]:
    """The ids of the queries that the API processes ever sent, of those Trino remembers."""
    rows = await lake.rows(f"SELECT query_id FROM system.runtime.queries WHERE source = '{_API_TAG}'")  # noqa: S608 - our own tag
    return {row[0] for row in rows}


def _faults(outcome: Outcome, cases: Sequence[Case]) -> list[str]:
    faults = [f"{times} x {fault}" for fault, times in outcome.faults.items()]
    if outcome.requests != CONNECTIONS:
        faults.append(f"{outcome.requests} answers")
    wrong = [fault for number, text in enumerate(outcome.bodies) if (fault := _fault(text, cases[number % len(cases)]))]
    return [*faults, *([f"{len(wrong)} wrong answers, such as {wrong[0]}"] if wrong else [])]


def _fault(text: str, case: Case) -> str | None:
    try:
        truth.from_lake(json.loads(text), case.order_id, FACTS)
    except (truth.WrongAnswer, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return None
