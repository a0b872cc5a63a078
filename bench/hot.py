"""The hot figures: the service's cached reads beside rivals that do one Redis GET of the same bytes, or nothing at all.

1,000 cases drawn by Zipf's law, 200 tokens, about 21 KB a body, two API processes, at 64 and at 1,000 connections. Every
body of every answer is compared with its source, and afterwards the access rows with the requests.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.stack import Stack

from bench import load, results, truth
from bench.audit import Audit
from bench.bed import Bed, service_bed
from bench.load import Expected, Outcome, Plan
from bench.results import Figure
from bench.rivals import start as rivals
from bench.scale import Scale
from bench.table import Say

CONNECTIONS = (64, 1000)
UNIT = "times the requests per CPU second"
_CASES = 1000
_PEOPLE = 200
_WARM_CONNECTIONS = 64
_FRESH_S = 65.0
"""The service promises facts without an event at most 60 s old; the rest is for the request itself."""

_RIVALS = {
    "hot_timeline_vs_redis_get": "fastapi",
    "hot_timeline_vs_asgi": "asgi",
    "hot_timeline_vs_go": "go",
    "hot_case_vs_redis_get": "fastapi",
    "cached_timeline_vs_bare": "bare",
}
NAMES = tuple(_RIVALS)
_OURS = "ours"
_BARE = "The bare application has the same bytes in memory, on the same server."
_NEAR_CACHE = "It compares a near cache in the process, where that is current, with a network hop to Redis."


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison, ready to be asked."""

    name: str
    address: str
    roots: Mapping[str, int]


@dataclass
class Workload:
    """One kind of request: its paths and what has to come back."""

    paths: list[str] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)
    """What the rivals answer, by case."""

    @cached_property
    def whole(self) -> list[Expected]:
        """What the rivals have to answer: every byte of it."""
        return [Expected(body, whole=True) for body in self.bodies.values()]


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all on one service."""
    orders = [f"order-{number:04}" for number in range(_CASES)]
    figures: dict[str, Figure] = {}
    async with redis() as (ours_url, redis_pid), service_bed(orders, people=_PEOPLE, redis_url=ours_url) as bed:
        bed.roots["redis"] = redis_pid
        redis_url = ours_url.removesuffix("/0") + "/1"
        audit = Audit(bed)
        for kind in ("timeline", "case"):
            wanted = {name: rival for name, rival in _RIVALS.items() if name in names and name.split("_")[1] == kind}
            if not wanted:
                continue
            say(f"comparing {_CASES} bodies of {kind}s with their source")
            work = await workload(bed, kind)
            await rivals.fill(redis_url, work.bodies)
            comparison = Comparison(bed, work, audit, scale, say)
            with contextlib.ExitStack() as stack:
                sides = [Side(_OURS, bed.address, bed.roots)]
                for name in sorted(set(wanted.values())):
                    rival = rivals.start(name, redis_url, redis_pid, bed.logs)
                    stack.enter_context(rival.program)
                    sides.append(Side(name, rival.address, rival.roots))
                await comparison.run(sides)
            figures |= {name: comparison.figure(name, rival) for name, rival in wanted.items()}
    return figures


@contextlib.asynccontextmanager
async def redis() -> AsyncIterator[tuple[str, int]]:
    """A Redis server: its URL, of database 0, and its process."""
    with TemporaryDirectory(prefix="support-bench-stack-") as folder, Stack(Path(folder)) as stack:
        await asyncio.to_thread(stack.up, "redis")
        yield stack["redis"].url, stack["redis"].pid


async def workload(bed: Bed, kind: str) -> Workload:
    """Ask for every body once, compare it with the shop's facts, and know from then on what it has to begin with.

    Raises:
        WrongAnswer: a body is not what its sources say.
    """
    token = bed.token("bench-checker", "SUPERVISOR")
    work = Workload()
    for case in bed.cases:
        path = f"/support/cases/{case.ticket_id}" + ("/timeline" if kind == "timeline" else "?includeTimeline=true")
        async with bed.session.get(bed.url + path, headers={"authorization": f"Bearer {token}"}) as answer:
            text = await answer.text()
        if kind == "timeline":
            expected = truth.timeline_body(text, case.order_id)
        else:
            expected = truth.case_body(text, case.ticket_id, case.order_id)
        work.paths.append(path)
        work.expected.append(expected)
        work.bodies[case.ticket_id] = text
    return work


class Comparison:
    """Our side and rivals under the same load, by turns."""

    def __init__(self, bed: Bed, work: Workload, audit: Audit, scale: Scale, say: Say) -> None:
        """Nothing is measured yet."""
        self._bed = bed
        self._work = work
        self._audit = audit
        self._scale = scale
        self._say = say
        self.outcomes: dict[tuple[str, int], list[Outcome]] = {}
        self.faults: list[str] = []

    async def run(self, sides: Sequence[Side]) -> None:
        """A B A B: in every round each side has its turn at each number of connections."""
        for number in range(1, self._scale.rounds + 1):
            for connections in CONNECTIONS:
                for side in sides:
                    outcome = await self.turn(side, connections, seed=number)
                    self.outcomes.setdefault((side.name, connections), []).append(outcome)
                    self._say(f"round {number} {side.name:8} at {connections:4}: {_described(outcome)}")

    async def turn(self, side: Side, connections: int, *, seed: int) -> Outcome:
        """Warm a side up, then measure it; what is wrong with its answers is added to the faults."""
        ours = side.name == _OURS
        seconds = self._scale.seconds if ours else self._scale.rival_seconds
        warm = self._plan(side, _WARM_CONNECTIONS, self._scale.warm_seconds, exponent=0.0, seed=1000 + seed)
        plan = self._plan(side, connections, seconds, exponent=1.0, seed=seed)
        settled = self._audit.complete if ours else None
        outcome = await load.run(warm, side.roots, self._bed.folder, settled)
        self._blame("warming", side, outcome)
        outcome = await load.run(plan, side.roots, self._bed.folder, settled)
        self._blame(f"at {connections} connections", side, outcome)
        if ours:
            self.faults += [f"at {connections} connections: {fault}" for fault in await self._audit.faults()]
        return outcome

    def ratios(self, rival: str, connections: int) -> list[float]:
        """Ours over the rival's requests per CPU second, round by round."""
        ours, theirs = self.outcomes[_OURS, connections], self.outcomes[rival, connections]
        return [a.per_cpu_second / b.per_cpu_second for a, b in zip(ours, theirs, strict=True)]

    def figure(self, name: str, rival: str) -> Figure:
        """The worst condition's median; a failed figure when any answer or any access row was wrong."""
        if self.faults:
            return results.failed("; ".join(self.faults[:5]), unit=UNIT)
        by_condition = {f"at {connections}": self.ratios(rival, connections) for connections in CONNECTIONS}
        note = self._note(rival)
        if name == "hot_timeline_vs_go":
            at_64 = results.median_of(by_condition.pop("at 64"), unit=UNIT, note="")
            note = f"{at_64.median} at 64 connections, reported only. {note}"
        return results.lowest_condition(by_condition, unit=UNIT, note=note)

    def _plan(self, side: Side, connections: int, seconds: float, *, exponent: float, seed: int) -> Plan:
        ours = side.name == _OURS
        return Plan(
            address=side.address,
            connections=connections,
            seconds=seconds,
            paths=self._work.paths,
            tokens=[person.token for person in self._bed.people],
            expected=self._work.expected if ours else self._work.whole,
            fresh_s=_FRESH_S if ours else 0.0,
            exponent=exponent,
            seed=seed,
        )

    def _blame(self, when: str, side: Side, outcome: Outcome) -> None:
        self.faults += [f"{side.name} {when}: {times} x {fault}" for fault, times in outcome.faults.items()]

    def _note(self, rival: str) -> str:
        told = "; ".join(
            f"{side} at {connections}: {self._middle(side, connections, lambda one: one.per_cpu_second):.0f} a CPU second, "
            f"{self._middle(side, connections, lambda one: one.requests / one.seconds):.0f}/s, "
            f"p50 {self._middle(side, connections, lambda one: one.p50_ms):.1f} ms, "
            f"p99 {self._middle(side, connections, lambda one: one.p99_ms):.0f} ms"
            for connections in CONNECTIONS
            for side in (_OURS, rival)
        )
        size = sum(map(len, self._work.bodies.values())) // len(self._work.bodies)
        data = f"{len(self._bed.cases)} cases, {len(self._bed.people)} tokens, {size} bytes a body"
        beside = _BARE if rival == "bare" else _NEAR_CACHE
        return f"{told}. {data}; no rate limit is in force. {beside}"

    def _middle(self, side: str, connections: int, of: Callable[[Outcome], float]) -> float:
        values = sorted(map(of, self.outcomes[side, connections]))
        return values[len(values) // 2]


def _described(outcome: Outcome) -> str:
    faults = f" FAULTS {dict(outcome.faults)}" if outcome.faults else ""
    return (
        f"{outcome.requests / outcome.seconds:.0f}/s, {outcome.per_cpu_second:.0f} a CPU second, "
        f"p50 {outcome.p50_ms:.0f} ms, p99 {outcome.p99_ms:.0f} ms, microseconds: {outcome.cost}{faults}"
    )
