"""Trino killed under 1,000 connections and started again, with the hot workload and 2% cold requests.

Each cold request asks the sources. One in five is the first read of a case whose page is in no cache, while there are such
cases; the others read a page of a size that is never cached, of cases nobody else reads. So no request that counts as cold
is answered from memory, and the number of cases stays small enough to open them.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from tools.stack import Running, Stack

from bench import load, mix
from bench.bed import Bed, Case
from bench.load import Plan
from bench.mix import Paths
from bench.outage import NAMES, TABLE, Moments, Outage, breakers_open, figures
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say

__all__ = ["FIRST_READS", "FRESH_S", "HOT", "NAMES", "RATE", "in_words", "measure", "run", "warm"]

HOT = 1000
FIRST_READS = 300
CONNECTIONS = 1000
RATE = 800.0
COLD_SHARE = 0.02
FRESH_S = 65.0
"""Facts without an event are at most 60 s old; the rest is for the request itself."""

_WARM_S = 20.0
_BEFORE_S = 20.0
_AWAY_S = 30.0
_AFTER_S = 75.0
"""Longer than a page lives, so that every page is put together anew once Trino is back."""
_LONGEST_S = 360.0
_FIRST_READ_EVERY = 5
_MOST_COLD = 100_000


async def measure(names: Sequence[str], _scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all in one run."""
    orders = [f"order-{number:04}" for number in range(HOT + FIRST_READS)]
    async with mix.bed_on_trino(orders) as (bed, stack):
        say(f"{len(orders)} cases are open; learning what their timelines have to say")
        hot = await mix.known(bed, bed.cases[:HOT])
        await warm(bed, hot)
        outage = await run(bed, stack, hot, bed.cases[HOT:], rate=RATE, say=say)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(outage.lines) + "\n", "utf-8")
    return {name: figure for name, figure in figures(outage, in_words(RATE)).items() if name in names}


async def warm(bed: Bed, hot: Paths) -> None:
    """Let both processes know all hot pages and all who ask."""
    tokens = [person.token for person in bed.people]
    await load.run(
        Plan(bed.address, 64, _WARM_S, hot.paths, tokens, hot.expected, exponent=0.0, stale=True), {}, bed.folder
    )


async def run(bed: Bed, stack: Stack, hot: Paths, unread: Sequence[Case], *, rate: float, say: Say) -> Outage:
    """Load, Trino's killing and its return.

    Args:
        bed: the service.
        stack: its Trino's.
        hot: what is asked for most, and is cached.
        unread: cases that nobody has read.
        rate: requests a second, whatever the answers do; 0: each connection asks again when it has its answer.
        say: is told what happens.
    """
    plan = _plan(bed, hot, await mix.known(bed, unread), rate)
    moments: list[float] = []

    async def trouble() -> None:
        await asyncio.sleep(_BEFORE_S)
        say("killing Trino")
        moments.append(time.time())
        await asyncio.to_thread(stack["trino"].kill)
        await asyncio.sleep(_AWAY_S)
        say("starting it again")
        moments.append(time.time())
        moments.append(await _back(stack["trino"]))
        say(f"it is back after {moments[-1] - moments[-2]:.0f} s")
        await asyncio.sleep(_AFTER_S)

    outcome = await load.run(plan, {}, bed.folder, meanwhile=trouble)
    killed, started, back = moments
    opened = breakers_open(bed.logs / "api.log", killed, back)
    return Outage(outcome, Moments(killed, opened, started, back))


def _plan(bed: Bed, hot: Paths, cold: Paths, rate: float) -> Plan:
    paths = hot + cold + Paths([mix.never_cached(path) for path in cold.paths], cold.expected)
    return Plan(
        bed.address,
        CONNECTIONS,
        _LONGEST_S,
        paths.paths,
        [person.token for person in bed.people],
        paths.expected,
        fresh_s=FRESH_S,
        stale=True,
        rate=rate,
        hot=len(hot.paths),
        cold_share=COLD_SHARE,
        cold=list(cold_order(len(hot.paths), len(cold.paths))),
        series=True,
    )


def cold_order(hot: int, cold: int) -> Iterator[int]:
    """The order in which cold paths are asked for: of every five the first is a case's first read, while there are any.

    Args:
        hot: paths before them.
        cold: cases: so many paths of first reads follow, then as many of pages that are never cached.
    """
    first_reads = iter(range(hot, hot + cold))
    random = Random(1)  # noqa: S311 - a mix, nothing secret
    for number in range(_MOST_COLD):
        uncached = hot + cold + random.randrange(cold)
        yield next(first_reads, uncached) if number % _FIRST_READ_EVERY == 0 else uncached


def in_words(rate: float) -> str:
    """The load."""
    pace = f"{rate:.0f} requests/s whatever the answers do" if rate else "each connection asking again"
    return f"{CONNECTIONS} connections, {pace}"


async def _back(trino: Running) -> float:
    """Start it, and give the Unix time at which it first says that it is not starting."""
    url = trino.url
    starting = asyncio.create_task(asyncio.to_thread(trino.start))
    while not await asyncio.to_thread(_is_up, url):
        if starting.done():
            await starting
        await asyncio.sleep(0.1)
    back = time.time()
    await starting
    return back


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/info", timeout=1) as answer:  # noqa: S310 - our own Trino
            return json.load(answer)["starting"] is False
    except (OSError, ValueError):
        return False
