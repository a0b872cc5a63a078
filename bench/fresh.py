"""How fresh reads are: an event's way to the screens, and reads past the bound while invalidations race fills.

Two API processes, each with its near cache, one Redis; everything is written through the product's own intake and read
by HTTP. `bench/race.py` has the race, `bench/history.py` the judge.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence

from bench import results
from bench.bed import Bed, Case, service_bed
from bench.history import BOUND_S, PROMISES, Verdict
from bench.hot import redis
from bench.pair import Apis, two_apis
from bench.race import BURST, FACTS, GROUP, HEAT, VERSIONS, Intake, Race
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say
from bench.visible import ORDERS, TRACKS, visible
from support_service.demo.facts import ShopFact
from support_service.demo.tables import add_facts, lock_feed
from support_service.kit.database import Database

VISIBLE, STALE, STALE_PLAIN = NAMES = ("event_to_visible_ms", "stale_reads", "stale_reads_plain_del_percent")
_PEOPLE = 24
_METRIC = r"^{name}(?:\{{[^}}]*\}})? (\S+)$"


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all on one database."""
    kinds = {STALE: "ours", STALE_PLAIN: "plain"}
    shards = {name: [f"{kind}-{n}" for n in range(scale.rounds)] for name, kind in kinds.items() if name in names}
    heats = {STALE: scale.heats, STALE_PLAIN: 1}
    orders = {
        shard: [f"{shard}-{n:03}" for n in range(HEAT * heats[name])]
        for name, group in shards.items()
        for shard in group
    }
    orders["seen"] = [f"seen-{n:03}" for n in range(ORDERS)]
    figures: dict[str, Figure] = {}
    everything = [order_id for group in orders.values() for order_id in group]
    async with redis() as (url, _pid), service_bed(everything, people=_PEOPLE, redis_url=url, facts=FACTS) as bed:
        await asyncio.to_thread(bed.programs["api"].end)
        cases = {case.order_id: case for case in bed.cases}
        of = {group: [cases[order_id] for order_id in found] for group, found in orders.items()}
        if VISIBLE in names:
            async with two_apis(bed) as apis:
                figures[VISIBLE] = await _visible(bed, apis, of["seen"], scale, say)
        if STALE in names:
            async with two_apis(bed) as apis:
                races = Races(bed, apis, say, tags=True)
                figures[STALE] = await races.stale([of[shard] for shard in shards[STALE]])
        if STALE_PLAIN in names:
            async with two_apis(bed, plain=True) as apis:
                races = Races(bed, apis, say, tags=False)
                figures[STALE_PLAIN] = await races.plain([of[shard] for shard in shards[STALE_PLAIN]])
    return figures


async def _visible(bed: Bed, apis: Apis, cases: Sequence[Case], scale: Scale, say: Say) -> Figure:
    """From when the shop begins to tell an event to the first read of either process that shows it; the later counts."""
    feed = Database(bed.settings["SHOP_DATABASE_URL"], name="bench-feed", max_size=TRACKS)

    async def tell(fact: ShopFact) -> None:
        async with feed.transaction() as tx:
            await lock_feed(tx)
            await add_facts(tx, [fact])

    way = "the shop's transaction, through the worker"
    try:
        return await visible(bed, apis.addresses, cases, tell, scale=scale, say=say, way=way)
    finally:
        await feed.close()


class Races:
    """Races on one pair of processes, one after the other."""

    def __init__(self, bed: Bed, apis: Apis, say: Say, *, tags: bool) -> None:
        """Nothing is raced yet."""
        self._bed = bed
        self._apis = apis
        self._say = say
        self._tags = tags
        self._intake = Intake(apis.services)
        self._verdicts: list[Verdict] = []
        self._invalidations = 0

    async def stale(self, shards: Sequence[Sequence[Case]]) -> Figure:
        """Reads past the bound, all shards together; another broken promise fails it."""
        await self._run(shards, quiet=True)
        others = [str(verdict) for verdict in self._verdicts if verdict.breaches.keys() - {"P1"}]
        runs = [float(verdict.stale) for verdict in self._verdicts]
        unit = f"reads of {sum(verdict.held for verdict in self._verdicts)}"
        if others or any(verdict.refused for verdict in self._verdicts):
            refused = sum(verdict.refused for verdict in self._verdicts)
            return results.failed(f"{refused} reads without success. {'; '.join(others)[:800]}", unit=unit, runs=runs)
        kept = ", ".join(sorted(PROMISES.keys() - {"P1", "P2"}))
        note = f"{await self._note()} No read broke {kept} either, ten seconds' quiet after each shard included."
        return Figure(sum(runs), tuple(runs), unit, note)

    async def plain(self, shards: Sequence[Sequence[Case]]) -> Figure:
        """The percentage of the reads that had to show something and showed less."""
        await self._run(shards, quiet=False)
        unit = "percent of the reads begun past the bound"
        if refused := sum(verdict.refused for verdict in self._verdicts):
            return results.failed(f"{refused} reads without success", unit=unit)
        runs = [100 * verdict.stale / verdict.held for verdict in self._verdicts]
        return results.median_of(runs, unit=unit, note=await self._note())

    async def _run(self, shards: Sequence[Sequence[Case]], *, quiet: bool) -> None:
        for number, cases in enumerate(shards, 1):
            race = Race(self._bed, self._intake, self._apis.addresses, cases, tags=self._tags, seed=number)
            verdict = await race.run(quiet=quiet)
            self._verdicts.append(verdict)
            self._invalidations += len(cases) * VERSIONS
            self._say(
                f"shard {number}: {len(cases) * VERSIONS} invalidations, {verdict.reads} reads, {verdict.held} past a bound, "
                f"{verdict.raced} raced, {verdict.covered} covered, {verdict.refused} refused, {verdict.stale} stale {verdict}"
            )

    async def _note(self) -> str:
        fills, refused = (
            await self._metric("support_timeline_fill_seconds_count"),
            await self._metric("support_timeline_stores_refused_total"),
        )
        reads, held, raced, covered = (
            sum(getattr(verdict, name) for verdict in self._verdicts) for name in ("reads", "held", "raced", "covered")
        )
        return (
            f"{self._invalidations} invalidations in bursts of {BURST} of {GROUP} orders at a time, {covered} of them looked at within a second "
            f"after their bound of {BOUND_S * 1000:.0f} ms; {reads} reads by {_PEOPLE} sessions over two processes, {held} begun past "
            f"a bound, {raced} during a write or before its bound; {fills:.0f} fills, of which {refused:.0f} had been overtaken "
            "and were not kept."
        )

    async def _metric(self, name: str) -> float:
        """The sum of a counter over both processes."""
        total = 0.0
        for address in self._apis.addresses:
            async with self._bed.session.get(f"http://{address}/metrics") as answer:
                total += sum(map(float, re.findall(_METRIC.format(name=name), await answer.text(), re.MULTILINE)))
        return total
