"""What a timeline costs as work grows: against more stored events, and with more entries.

Events: cases of 47 facts while the inbox holds 10 thousand, 1 million and 10 million events of others; the tables take
turns. Entries: timelines of 10, 100 and 1,000 facts. A hit is answered from a near cache; a miss is put together anew,
past every cache, as a page of another size than the default always is.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import load, results, shop, truth
from bench.bed import Bed, Case, service_bed
from bench.cpu import load_average
from bench.hot import redis
from bench.load import Expected, Outcome, Plan
from bench.results import Figure
from bench.scale import Scale
from bench.stored import SIZES, StoredEvents
from bench.table import Say

NAMES = (
    "growth_hit_10m_vs_10k",
    "growth_miss_10m_vs_10k",
    "growth_hit_1000_vs_10_entries",
    "growth_miss_1000_vs_10_entries",
)
UNIT = "times the CPU time of a request"
ENTRIES = (10, 100, 1000)
_NAMED, _UNNAMED = "case on an order", "case without an order"
_CASES = 40
_PEOPLE = 20
_PRIMED = 8
_CONNECTIONS = 16
_SECONDS = 2.5
_FRESH_S = 65.0
_MISS_LIMIT = 99
_DEFAULT_LIMIT = 100

_Measured = tuple[str, str, str]
"""(hit or miss, group of cases, stored events)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cases of one kind, and of how many facts each of their orders is."""

    name: str
    cases: Sequence[Case]
    facts: int = shop.FACTS


@dataclass(slots=True)
class Growth:
    """The measuring of all figures on one service."""

    bed: Bed
    stored: StoredEvents
    say: Say
    outcomes: dict[_Measured, list[Outcome]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    _work: dict[tuple[str, str], tuple[list[str], list[Expected]]] = field(default_factory=dict)

    async def turn(self, kind: str, group: Group, size: str, seed: int) -> None:
        """Prime, then measure one kind of request for these cases on so many stored events."""
        await self.stored.use(size)
        paths, expected = await self._asked(kind, group)
        # A hit is cached in both processes before it counts; either way plans are made and buffers filled.
        await asyncio.gather(*(self._got(path) for path in paths * (_PRIMED if kind == "hit" else 1)))
        plan = Plan(
            address=self.bed.address,
            connections=_CONNECTIONS,
            seconds=_SECONDS,
            paths=paths,
            tokens=[person.token for person in self.bed.people],
            expected=expected,
            exponent=0.0,
            seed=seed,
            fresh_s=_FRESH_S,
        )
        outcome = await load.run(plan, self.bed.roots, self.bed.folder)
        self.faults += [f"{kind} of {group.name} at {size}: {n} x {fault}" for fault, n in outcome.faults.items()]
        self.loads.append(load_average())
        self.outcomes.setdefault((kind, group.name, size), []).append(outcome)
        self.say(f"round {seed} {kind:4} {group.name:22} at {size:3}: {_told([outcome])}")

    async def _asked(self, kind: str, group: Group) -> tuple[list[str], list[Expected]]:
        """The paths, and what each has to answer, compared with the shop's facts once."""
        known = self._work.get((kind, group.name))
        if known is not None:
            return known
        limit, query = (_DEFAULT_LIMIT, "") if kind == "hit" else (_MISS_LIMIT, f"?limit={_MISS_LIMIT}")
        paths, expected = [], []
        for case in group.cases:
            path = f"/support/cases/{case.ticket_id}/timeline{query}"
            paths.append(path)
            expected.append(truth.timeline_body(await self._got(path), case.order_id, group.facts, limit))
        self._work[kind, group.name] = (paths, expected)
        return paths, expected

    async def _got(self, path: str) -> str:
        headers = {"authorization": f"Bearer {self.bed.people[0].token}"}
        async with self.bed.session.get(self.bed.url + path, headers=headers) as answer:
            return await answer.text()

    def figure(self, kind: str, more: Sequence[tuple[str, str]], less: Sequence[tuple[str, str]], note: str) -> Figure:
        """CPU time of a request with more over with less, pair by pair, as the worst condition has it.

        Args:
            kind: hit or miss.
            more: (group of cases, stored events) of each condition.
            less: the same of what it is compared with.
            note: begins the figure's note.
        """
        if self.faults:
            return results.failed("; ".join(self.faults[:5]), unit=UNIT)
        conditions = {
            f"{big[0]} at {big[1]}": [
                _cost(a) / _cost(b) for a, b in zip(self.outcomes[kind, *big], self.outcomes[kind, *small], strict=True)
            ]
            for big, small in zip(more, less, strict=True)
        }
        by_entries = more[0][0].endswith("entries")
        told = "; ".join(
            f"{name} at {size}: {_told(found)}"
            for (asked, name, size), found in self.outcomes.items()
            if asked == kind and name.endswith("entries") == by_entries
        )
        loads = f"load {min(self.loads):.1f} to {max(self.loads):.1f}"
        return results.highest_condition(
            conditions, unit=UNIT, note=f"{note} {told}. {loads}, {_CONNECTIONS} connections."
        )


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all on one service."""
    by_events, by_entries = (any(word in name for name in names) for word in ("10m", "entries"))
    sized = {entries: [f"of-{entries}-{number:02}" for number in range(_CASES)] for entries in ENTRIES if by_entries}
    counts = {order_id: entries for entries, orders in sized.items() for order_id in orders}
    named = [f"named-{number:02}" for number in range(_CASES)]
    unnamed = [f"unnamed-{number:02}" for number in range(_CASES)]
    orders = [*named, *counts]
    async with (
        redis() as (redis_url, redis_pid),
        service_bed(named, people=_PEOPLE, redis_url=redis_url) as bed,
    ):
        bed.roots["redis"] = redis_pid
        for entries, order_ids in sized.items():
            await bed.stock(order_ids, entries)
            await bed.open_cases(order_ids)
        await bed.stock(unnamed)
        await bed.open_cases(unnamed, named=False)
        growth = Growth(bed, StoredEvents(bed), say)
        sizes = list(SIZES) if by_events else ["1m"]
        for size in sizes:
            say(f"storing {SIZES[size]:,} events")
            await growth.stored.fill(size, [(order, counts.get(order, shop.FACTS)) for order in [*orders, *unnamed]])
        of = {case.order_id: case for case in bed.cases}
        grown = [Group(_NAMED, [of[order] for order in named]), Group(_UNNAMED, [of[order] for order in unnamed])]
        by_size = [Group(f"{n} entries", [of[order] for order in sized[n]], n) for n in sized]
        for number in range(1, scale.rounds + 1):
            for kind in sorted({name.split("_")[1] for name in names}):
                for group in grown if by_events else []:
                    # What is cached is the same for both; the middle size is only reported.
                    for size in sizes if number == 1 else ("10k", "10m"):
                        await growth.turn(kind, group, size, number)
                for group in by_size:
                    await growth.turn(kind, group, "1m", number)
        return {name: _figure(growth, name) for name in names}


def _figure(growth: Growth, name: str) -> Figure:
    kind = name.split("_")[1]
    if name.endswith("entries"):
        note = (
            "A first page shows the newest 100 entries at most; a miss reads all of them, with 1 million events stored."
        )
        return growth.figure(kind, [("1000 entries", "1m")], [("10 entries", "1m")], note)
    groups = (_NAMED, _UNNAMED)
    note = f"{shop.FACTS} entries a timeline; the stored events are other customers' and orders'."
    return growth.figure(kind, [(group, "10m") for group in groups], [(group, "10k") for group in groups], note)


def _cost(outcome: Outcome) -> float:
    """CPU seconds of a request."""
    return 1 / outcome.per_cpu_second


def _told(outcomes: Sequence[Outcome]) -> str:
    return (
        f"{median(map(_cost, outcomes)) * 1e6:.0f} us of CPU, p50 {median(one.p50_ms for one in outcomes):.1f} ms, "
        f"p99 {median(one.p99_ms for one in outcomes):.0f} ms"
    )
