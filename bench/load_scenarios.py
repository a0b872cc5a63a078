"""`python -m bench.load_scenarios [NAME ...]`: 1,000 connections on a real Trino and Redis, told second by second."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import typer
from rich.console import Console
from tools.stack import Stack

from bench import load, mix, trino_killed
from bench.bed import Bed, Case
from bench.load import Outcome, Plan
from bench.mix import Paths
from bench.outage import figures
from bench.seconds import table
from bench.table import Say

_CONNECTIONS = 1000
_PAGE_LIVES_S = 60.0
_QUERIES = """
    SELECT query_id FROM system.runtime.queries
    WHERE source = 'support-service-support-api' AND query LIKE '%order_id IN%'
"""
_console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Site:
    """What a scenario runs on, and how long and fast it is to be."""

    bed: Bed
    stack: Stack
    hot: Paths
    cold: Sequence[Case]
    """Cases that nobody has read, for this scenario alone."""
    seconds: float
    rate: float
    say: Say

    def plan(self, paths: Paths, **others: Any) -> Plan:
        """1,000 connections on these paths, every answer compared, every second told."""
        usual = {"connections": _CONNECTIONS, "seconds": self.seconds, "fresh_s": trino_killed.FRESH_S}
        tokens = [person.token for person in self.bed.people]
        return Plan(
            address=self.bed.address,
            paths=paths.paths,
            tokens=tokens,
            expected=paths.expected,
            stale=True,
            series=True,
            **(usual | others),
        )

    async def queries(self) -> set[object]:
        """The timeline's queries that the API has sent to Trino, of those that Trino remembers: it forgets them after two minutes."""
        assert self.bed.lake is not None  # noqa: S101 - the bed was made with one
        return {row[0] for row in await self.bed.lake.rows(_QUERIES)}

    async def run(self, plan: Plan) -> None:
        """Put the load on and tell what was seen."""
        before = await self.queries()
        outcome = await load.run(plan, {}, self.bed.folder)
        self.tell(outcome, table(outcome.series, {}))
        self.say(f"queries of Trino, of its last two minutes: {len(await self.queries() - before)}")

    def tell(self, outcome: Outcome, lines: Sequence[str]) -> None:
        """Print a run."""
        for line in lines:
            _console.print(line, markup=False)
        self.say(
            f"{outcome.requests} requests in {outcome.seconds:.1f} s, p50 {outcome.p50_ms:.1f} ms, "
            f"p99 {outcome.p99_ms:.1f} ms; faults: {dict(outcome.faults) or 'none'}"
        )
        if outcome.wrong is not None:
            self.say(f"the first wrong body: {outcome.wrong}")


async def hot_closed(site: Site) -> None:
    """All hot; each connection asks again when it has its answer."""
    await site.run(site.plan(site.hot))


async def hot_open(site: Site) -> None:
    """All hot, at a rate whatever the answers do."""
    await site.run(site.plan(site.hot, rate=site.rate))


async def cold_closed(site: Site) -> None:
    """A storm: every connection at once asks for a case of its own that nobody has read."""
    cold = await mix.known(site.bed, site.cold)
    await site.run(site.plan(cold, once=True))


async def cold_open(site: Site) -> None:
    """Cases that nobody has read, one after the other at a tenth of the rate, each once."""
    cold = await mix.known(site.bed, site.cold)
    rate = site.rate / 10
    order = list(range(len(cold.paths)))
    await site.run(
        site.plan(cold, rate=rate, seconds=min(site.seconds, len(order) / rate), hot=1, cold_share=1.0, cold=order)
    )


async def expiring(site: Site) -> None:
    """One hot page: at the end of its life when 1,000 readers come, and refreshed ahead of its next end as they read on."""
    one = Paths(site.hot.paths[:1], site.hot.expected[:1])
    await load.run(site.plan(one, seconds=1.0, connections=1), {}, site.bed.folder)
    site.say("one page is read, and left alone until it is too old")
    await asyncio.sleep(_PAGE_LIVES_S + 1)
    before = await site.queries()
    counts: list[int] = []

    async def count() -> None:
        await asyncio.sleep(15)
        counts.append(len(await site.queries() - before))
        await asyncio.sleep(_PAGE_LIVES_S - 15)

    plan = site.plan(one, seconds=4 * _PAGE_LIVES_S)
    outcome = await load.run(plan, {}, site.bed.folder, meanwhile=count)
    site.tell(outcome, table(outcome.series, {}))
    site.say(
        f"queries of Trino: {counts[0]} as it had expired, {len(await site.queries() - before) - counts[0]} to refresh it ahead"
    )


async def killed(site: Site, *, rate: float = 0.0) -> None:
    """Trino killed in the middle and started again, with 2% cold requests."""
    found = await trino_killed.run(site.bed, site.stack, site.hot, site.cold, rate=rate, say=site.say)
    site.tell(found.outcome, found.lines)
    for name, figure in figures(found, trino_killed.in_words(rate)).items():
        site.say(f"{name}: {'FAILED' if figure.median is None else figure.median} {figure.unit}")


async def killed_open(site: Site) -> None:
    """The same at a rate."""
    await killed(site, rate=site.rate)


Scenario = Callable[[Site], Coroutine[Any, Any, None]]
SCENARIOS: Mapping[str, tuple[Scenario, int]] = {
    "hot-closed": (hot_closed, 0),
    "hot-open": (hot_open, 0),
    "cold-closed": (cold_closed, _CONNECTIONS),
    "cold-open": (cold_open, _CONNECTIONS),
    "expiring": (expiring, 0),
    "trino-killed-closed": (killed, trino_killed.FIRST_READS),
    "trino-killed-open": (killed_open, trino_killed.FIRST_READS),
}
"""Each with the cases that it needs which nobody has read."""


def main(
    only: Annotated[list[str] | None, typer.Argument(help="Names of scenarios, or their beginnings.")] = None,
    *,
    seconds: Annotated[float, typer.Option(help="Of load, where a scenario does not set them itself.", max=600)] = 30.0,
    cases: Annotated[int, typer.Option(help="That are hot.", min=10)] = trino_killed.HOT,
    rate: Annotated[float, typer.Option(help="Requests a second of the open loops.", max=20_000)] = trino_killed.RATE,
) -> None:
    """Run the scenarios, all when none is named, on one service; each prints what was seen second by second."""
    wanted = [name for name in SCENARIOS if not only or any(name.startswith(word) for word in only)]
    if not wanted:
        _console.print(f"There is no such scenario; there are: {', '.join(SCENARIOS)}")
        raise typer.Exit(2)
    asyncio.run(_run(wanted, cases, seconds, rate))


async def _run(wanted: Sequence[str], hot_cases: int, seconds: float, rate: float) -> None:
    unread = sum(SCENARIOS[name][1] for name in wanted)
    orders = [f"order-{number:04}" for number in range(hot_cases + unread)]
    _say(f"starting the service with {len(orders)} cases")
    async with mix.bed_on_trino(orders) as (bed, stack):
        hot, cases = await mix.known(bed, bed.cases[:hot_cases]), iter(bed.cases[hot_cases:])
        await trino_killed.warm(bed, hot)
        for name in wanted:
            scenario, count = SCENARIOS[name]
            _say(f"== {name}: {scenario.__doc__}")
            await scenario(Site(bed, stack, hot, list(islice(cases, count)), seconds, rate, _say))


def _say(text: str) -> None:
    _console.print(text, style="dim", markup=False)


if __name__ == "__main__":
    typer.run(main)
