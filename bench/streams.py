"""What open streams cost those who read: the API's p99 with 1,000 listeners who are told five events a second, over without.

Turns alternate. Beside each turn's readers with listeners, events go into the log five a second; every listener is to get each
once and in order. How long each took to be told is measured, too: whoever tells later is less in the readers' way.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from bench import golang, load, mix, results
from bench.bed import Bed, service_bed
from bench.hot import redis
from bench.load import Outcome, Plan
from bench.results import Figure
from bench.scale import Scale
from bench.shop import customer_of
from bench.table import Say
from support_service.context import TimelineChanged
from support_service.kit import eventlog
from support_service.kit.database import Database

P99, LOST, DELAY = NAMES = ("streams_p99_ratio", "streams_lost", "streams_told_ms")
LISTENERS = 1_000
A_SECOND = 5
_CASES = 200
_PEOPLE = 200
_CONNECTIONS = 64
_RATE = 400.0
_SETTLE_S = 2.0
_TOLD = "bench-told"
_MARK = "order:bench:"
_PROGRAM = Path(__file__).with_name("listeners")


class Listeners:
    """1,000 streams, and what is told to them."""

    def __init__(self, bed: Bed, log: Database) -> None:
        """Nobody listens yet."""
        self._bed = bed
        self._log = log
        self.told = 0
        self.faults = 0
        self.lost = 0
        self.p50_ms: list[int] = []
        self.p99_ms: list[int] = []

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Within the block they listen and are told; its end counts what they got."""
        tokens = [person.token for person in self._bed.people]
        plan = {"address": self._bed.address, "count": LISTENERS, "tokens": tokens, "mark": _MARK, "longest_s": 300.0}
        first = self.told
        async with golang.running(_PROGRAM, plan, self._bed.folder) as listeners:
            enough = asyncio.Event()
            telling = asyncio.create_task(self._tell(enough, numbered_from=first))
            try:
                yield
            finally:
                enough.set()  # cancelled, it might have told one that it does not count
                await telling
            await asyncio.sleep(_SETTLE_S)
            await listeners.tell("stop")
            heard = await listeners.result()
        self.p50_ms.append(heard["p50_ms"])
        self.p99_ms.append(heard["p99_ms"])
        self.faults += heard["faults"]
        self.lost += sum(self.told - first - number for number in heard["numbers"])

    async def _tell(self, enough: asyncio.Event, *, numbered_from: int) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in count(1):
            entry_id = f"{_MARK}{number}@{time.time_ns() // 1_000_000}"
            event = TimelineChanged(customer_id=customer_of(_TOLD), order_id=_TOLD, source="order", entry_id=entry_id)
            async with self._log.transaction() as tx:
                await eventlog.append_all(tx, [(event, customer_of(_TOLD), numbered_from + number)])
            self.told = numbered_from + number
            await eventlog.wait_for(enough, max(0.0, begun + number / A_SECOND - loop.time()))
            if enough.is_set():
                return


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all in the same turns."""
    orders = [_TOLD, *(f"order-{number:04}" for number in range(_CASES))]
    async with redis() as (url, _pid), service_bed(orders, people=_PEOPLE, redis_url=url) as bed:
        log = Database(bed.settings["DATABASE_URL"], name="bench-log", max_size=1)
        listeners = Listeners(bed, log)
        paths = await mix.known(bed, bed.cases[1:])
        plan = Plan(
            bed.address,
            _CONNECTIONS,
            scale.seconds,
            paths.paths,
            [person.token for person in bed.people],
            paths.expected,
            rate=_RATE,
        )
        alone: list[Outcome] = []
        beside: list[Outcome] = []
        try:
            await load.run(plan, {}, bed.folder)
            for number in range(1, scale.rounds + 1):
                alone.append(await load.run(plan, {}, bed.folder))
                async with listeners.listening():
                    beside.append(await load.run(plan, {}, bed.folder))
                say(f"round {number}: p99 {alone[-1].p99_ms:.1f} ms alone, {beside[-1].p99_ms:.1f} ms beside listeners")
        finally:
            await log.close()
    return {name: figure for name, figure in _figures(alone, beside, listeners).items() if name in names}


def _figures(alone: Sequence[Outcome], beside: Sequence[Outcome], listeners: Listeners) -> dict[str, Figure]:
    faults = [fault for outcome in (*alone, *beside) for fault in outcome.faults]
    unit = "times the p99 of readers without listeners"
    note = (
        f"{_RATE:.0f} timelines a second on {_CONNECTIONS} connections, two API processes; {LISTENERS} streams, {A_SECOND} events a "
        f"second each; p99 {', '.join(f'{one.p99_ms:.1f}' for one in alone)} ms without and "
        f"{', '.join(f'{one.p99_ms:.1f}' for one in beside)} ms with them."
    )
    ratios = [with_them.p99_ms / without.p99_ms for without, with_them in zip(alone, beside, strict=True)]
    told = f"{listeners.told} events to {LISTENERS} streams; {listeners.faults} out of order, again, refused or ended."
    told_in = (
        f"From the beginning of the transaction that tells of it; medians {', '.join(map(str, listeners.p50_ms))} ms."
    )
    return {
        P99: results.failed("; ".join(faults[:5]), unit=unit)
        if faults
        else results.median_of(ratios, unit=unit, note=note),
        LOST: results.worst_of(
            [listeners.lost + listeners.faults], unit="events not told once and in order", note=told
        ),
        DELAY: results.worst_of(listeners.p99_ms, unit="ms, p99", note=told_in),
    }
