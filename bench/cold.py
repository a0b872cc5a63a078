"""The cold figures: cases that nobody has looked at, asked for at once, on a real Trino and a real Redis.

A storm is 1,000 requests over as many connections to two API processes. Each is for a case of its own, or all are for
one. Beside it stand the same orders asked of the same Trino by the service's own client: in one query, and one by one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.stack import Stack

from bench import results
from bench.bed import Bed, service_bed
from bench.environment import API_WORKERS
from bench.lake import SETTINGS, Lake, open_lake
from bench.results import Figure
from bench.scale import Scale
from bench.storm import CONNECTIONS, FACTS, Storm, new_cases, one_batch_s, query_each_s, storm, warm
from bench.table import Say
from support_service.sources.batching import IN_FLIGHT

_UNITS = {
    "cold_storm_queries": "Trino queries for 1,000 cold cases",
    "cold_storm_vs_one_batch": "times the time of one raw query",
    "cold_storm_p99_ms": "ms",
    "cold_storm_vs_query_each": "times as fast as a query a case",
    "same_key_storm_queries": "Trino queries for one cold case",
}
NAMES = tuple(_UNITS)
_SAME_KEY = "same_key_storm_queries"
_EACH = "cold_storm_vs_query_each"
_SAMPLE = 100
_PEOPLE = 200
_WARMING_STORMS = 5
_COLD = (
    "1,000 connections, two API processes. Cold: opened by a storefront and enriched by the worker, never looked at, so in "
    "no near cache, not in Redis, and their access facts in no process; new cases on new orders each time. Warm: Trino, by "
    "storms before; the agents' tokens; connections."
)


class Storms:
    """What storms of different cases cost, beside raw queries of the same orders."""

    def __init__(self, bed: Bed, lake: Lake, say: Say) -> None:
        """Nothing is measured yet."""
        self._bed = bed
        self._lake = lake
        self._say = say
        self.storms: list[Storm] = []
        self.batches_s: list[float] = []
        self.each_s: list[float] = []
        self.same_key: list[Storm] = []

    async def warm(self) -> None:
        """Let Trino and both processes go through what is to come."""
        for number in range(_WARMING_STORMS):
            came, batch_s = await self._storm(f"warm-{number}")
            self._say(f"warming: {_described(came)}, one query {batch_s:.2f} s")

    async def round(self, number: int, names: Sequence[str]) -> None:
        """A storm between two raw queries, and what else is wanted."""
        if set(names) - {_SAME_KEY}:
            came, batch_s = await self._storm(f"cold-{number}")
            self.storms.append(came)
            self.batches_s.append(batch_s)
            self._say(f"round {number}: {_described(came)}, one query {batch_s:.2f} s")
        if _EACH in names:
            cases = await new_cases(self._bed, f"each-{number}", _SAMPLE)
            self.each_s.append(await query_each_s(self._lake, cases, processes=API_WORKERS) * CONNECTIONS / _SAMPLE)
            self._say(f"round {number}: a query each {self.each_s[-1]:.0f} s")
        if _SAME_KEY in names:
            cases = await new_cases(self._bed, f"same-{number}", 1)
            await warm(self._bed, self._bed.cases[0])
            self.same_key.append(await storm(self._bed, self._lake, cases))
            self._say(f"round {number}: one case: {_described(self.same_key[-1])}")

    def figures(self, names: Sequence[str]) -> dict[str, Figure]:
        """What is wanted; a figure of whose storms any answer was wrong has failed."""
        return {name: self._figure(name) for name in names}

    async def _storm(self, name: str) -> tuple[Storm, float]:
        """A storm, and what one query of its orders took on average just before and just after."""
        cases = await new_cases(self._bed, name, CONNECTIONS)
        await warm(self._bed, self._bed.cases[0])
        before_s = await one_batch_s(self._lake, cases)
        came = await storm(self._bed, self._lake, cases)
        return came, (before_s + await one_batch_s(self._lake, cases)) / 2

    def _figure(self, name: str) -> Figure:
        unit = _UNITS[name]
        storms = self.same_key if name == _SAME_KEY else self.storms
        faults = [fault for came in storms for fault in came.faults]
        queries = [came.queries for came in storms]
        if faults:
            return results.failed("; ".join(faults[:5]), unit=unit)
        if not all(queries):
            return results.failed("answers without a query were not cold", unit=unit, runs=queries)
        note = self._note()
        match name:
            case "cold_storm_queries":
                return results.worst_of(queries, unit=unit, note=note)
            case "same_key_storm_queries":
                return results.farthest_of(queries, 1, unit=unit, note=note)
            case "cold_storm_p99_ms":
                return results.worst_of([came.p99_ms for came in storms], unit=unit, note=note)
            case _:
                return results.median_of(self._ratios(name), unit=unit, note=note)

    def _ratios(self, name: str) -> list[float]:
        """Round by round: how many times as long as one query, or as fast as a query each."""
        if name == _EACH:
            return [raw / ours.seconds for ours, raw in zip(self.storms, self.each_s, strict=True)]
        return [ours.seconds / raw for ours, raw in zip(self.storms, self.batches_s, strict=True)]

    def _note(self) -> str:
        told = {
            "different cases, to the last answer": [came.seconds for came in self.storms],
            "one query of all their orders, the mean of one before and one after": self.batches_s,
            f"a query each, {IN_FLIGHT * API_WORKERS} in flight, by {_SAMPLE} of them": self.each_s,
            "one case, to the last answer": [came.seconds for came in self.same_key],
        }
        seconds = "; ".join(f"{what}: {min(runs):.2f} to {max(runs):.2f} s" for what, runs in told.items() if runs)
        return f"{seconds}. {FACTS} facts a case. {_COLD}"


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all on one service."""
    with TemporaryDirectory(prefix="support-bench-stack-") as folder, Stack(Path(folder), settings=SETTINGS) as stack:
        await asyncio.to_thread(stack.up, "redis", "trino")
        redis_url = stack["redis"].url
        async with (
            open_lake(stack) as lake,
            service_bed(["known"], people=_PEOPLE, redis_url=redis_url, lake=lake, facts=FACTS) as bed,
        ):
            storms = Storms(bed, lake, say)
            await storms.warm()
            for number in range(1, scale.rounds + 1):
                await storms.round(number, names)
            return storms.figures(names)


def _described(came: Storm) -> str:
    faults = f" FAULTS {'; '.join(came.faults[:3])}" if came.faults else ""
    return f"{came.queries} queries, {came.seconds:.2f} s, p99 {came.p99_ms:.0f} ms{faults}"
