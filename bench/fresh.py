"""How fresh reads are: an event's way to the screens, and reads past the bound while invalidations race fills.

Two API processes, each with its near cache, one Redis; everything is written through the product's own intake and read
by HTTP. `bench/race.py` has the race, `bench/history.py` the judge.
"""

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import results
from bench.bed import Bed, Case, service_bed
from bench.history import BOUND_S, PROMISES, Verdict
from bench.hot import redis
from bench.processes import HOST, Program, free_port
from bench.race import BURST, FACTS, GROUP, HEAT, VERSIONS, Intake, Race, following, mark_of, newest_of
from bench.results import Figure
from bench.rivals import plain_del
from bench.scale import Scale
from bench.table import Say
from support_service import wiring
from support_service.config import Settings
from support_service.demo.tables import add_facts, lock_feed
from support_service.kit.database import Database

VISIBLE, STALE, STALE_PLAIN = NAMES = ("event_to_visible_ms", "stale_reads", "stale_reads_plain_del_percent")
_PEOPLE = 24
_TRACKS = 3
_ORDERS_PER_TRACK = 20
_LOOK_EVERY_S = 0.01
_VISIBLE_WITHIN_S = 20.0
_METRIC = r"^{name}(?:\{{[^}}]*\}})? (\S+)$"


@dataclass(frozen=True, slots=True)
class Apis:
    """Two API processes."""

    addresses: Sequence[str]
    services: wiring.Services
    """Their like in this process, for the intake."""


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
    orders["seen"] = [f"seen-{n:03}" for n in range(_TRACKS * _ORDERS_PER_TRACK)]
    figures: dict[str, Figure] = {}
    everything = [order_id for group in orders.values() for order_id in group]
    async with redis() as (url, _pid), service_bed(everything, people=_PEOPLE, redis_url=url, facts=FACTS) as bed:
        await asyncio.to_thread(bed.programs["api"].end)
        cases = {case.order_id: case for case in bed.cases}
        of = {group: [cases[order_id] for order_id in found] for group, found in orders.items()}
        if VISIBLE in names:
            async with _apis(bed) as apis:
                figures[VISIBLE] = await _visible(bed, apis, of["seen"], scale, say)
        if STALE in names:
            async with _apis(bed) as apis:
                races = Races(bed, apis, say, tags=True)
                figures[STALE] = await races.stale([of[shard] for shard in shards[STALE]])
        if STALE_PLAIN in names:
            async with _apis(bed, plain=True) as apis:
                races = Races(bed, apis, say, tags=False)
                figures[STALE_PLAIN] = await races.plain([of[shard] for shard in shards[STALE_PLAIN]])
    return figures


@contextlib.asynccontextmanager
async def _apis(bed: Bed, *, plain: bool = False) -> AsyncIterator[Apis]:
    """Two API processes, each on its port, with our caches or with plain ones."""
    words = (
        ["bench.rivals.serve", "bench.rivals.plain_del:create_app"]
        if plain
        else ["support_service.entrypoints.cli", "api"]
    )
    build: Callable[..., wiring.Services] = plain_del.services if plain else wiring.Services
    settings = Settings.model_validate({name.lower(): value for name, value in bed.settings.items()})
    services = build(settings, name="bench-intake")
    addresses = []
    with contextlib.ExitStack() as stack:
        for n in range(2):
            port = free_port()
            environment = {**bed.settings, "PORT": str(port), "API_WORKERS": "1"}
            name = f"api-{'plain' if plain else 'ours'}-{n}"
            program = stack.enter_context(Program(name, [sys.executable, "-m", *words], environment, bed.logs))
            await asyncio.to_thread(program.until_answers, f"http://{HOST}:{port}/readyz")
            addresses.append(f"{HOST}:{port}")
        try:
            yield Apis(addresses, services)
        finally:
            await services.close()


async def _visible(bed: Bed, apis: Apis, cases: Sequence[Case], scale: Scale, say: Say) -> Figure:
    """From when the shop begins to tell an event to the first read of either process that shows it; the later counts."""
    runs: list[float] = []
    middles: list[float] = []
    shop_url = bed.settings["SHOP_DATABASE_URL"]
    latest = {case.order_id: newest_of(case.order_id) for case in cases}
    feed = Database(shop_url, name="bench-feed", max_size=_TRACKS)

    async def told(case: Case) -> float:
        await asyncio.gather(*(_until(bed, address, case, lambda _, hit: hit) for address in apis.addresses))
        fact = latest[case.order_id] = following(latest[case.order_id])
        began = time.monotonic()
        async with feed.transaction() as tx:
            await lock_feed(tx)
            await add_facts(tx, [fact])
        await asyncio.gather(
            *(_until(bed, address, case, lambda version, _: version >= fact.version) for address in apis.addresses)
        )
        return (time.monotonic() - began) * 1000

    async def track(number: int) -> list[float]:
        mine = cases[number::_TRACKS]
        return [await told(mine[n % len(mine)]) for n in range(scale.events // _TRACKS)]

    try:
        for number in range(1, scale.rounds + 1):
            taken = sorted(one for found in await asyncio.gather(*map(track, range(_TRACKS))) for one in found)
            runs.append(taken[len(taken) * 99 // 100])
            middles.append(taken[len(taken) // 2])
            say(f"round {number}: {len(taken)} events, p50 {middles[-1]:.0f} ms, p99 {runs[-1]:.0f} ms")
    finally:
        await feed.close()
    note = (
        f"p99 of {scale.events} events a run, {_TRACKS} at a time, p50 {sorted(middles)[len(middles) // 2]:.0f} ms; from the "
        "shop's transaction, through the worker, until an HTTP answer of each of two API processes with a warm near cache "
        f"shows it; asked every {_LOOK_EVERY_S * 1000:.0f} ms."
    )
    return results.worst_of(runs, unit="ms", note=note)


async def _until(bed: Bed, address: str, case: Case, done: Callable[[int, bool], bool]) -> None:
    """Read a timeline of one process until its version, and whether the cache answered, will do."""
    headers = {"authorization": f"Bearer {bed.people[0].token}"}
    url = f"http://{address}/support/cases/{case.ticket_id}/timeline"
    mark = re.compile(re.escape(mark_of(case.order_id)) + r"(\d+)")
    async with asyncio.timeout(_VISIBLE_WITHIN_S):
        while True:
            async with bed.session.get(url, headers=headers) as answer:
                text = await answer.text()
            hit = "hit" in answer.headers.get("cache-status", "")
            if answer.status == 200 and done(max(map(int, mark.findall(text)), default=0), hit):  # noqa: PLR2004 - success
                return
            await asyncio.sleep(_LOOK_EVERY_S)


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
