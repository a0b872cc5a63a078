"""How long an event takes to the screens: from when the shop begins to tell it to the first read of either process that shows it."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence

from bench import results
from bench.bed import Bed, Case
from bench.race import following, mark_of, newest_of
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say
from support_service.demo.facts import ShopFact

TRACKS = 3
"""Events under way at a time."""

ORDERS = 20 * TRACKS
"""Whose events they are, by turns."""

LOOK_EVERY_S = 0.01
_WITHIN_S = 20.0

Tell = Callable[[ShopFact], Awaitable[None]]
"""Has the shop tell a fact."""


async def visible(
    bed: Bed, addresses: Sequence[str], cases: Sequence[Case], tell: Tell, *, scale: Scale, say: Say, way: str
) -> Figure:
    """The p99 until both processes show an event, the later counts.

    Args:
        bed: whose people read.
        addresses: of both processes.
        cases: on `ORDERS` orders.
        tell: how the shop tells a fact.
        scale: how many events and rounds.
        say: is told of each round.
        way: what the event goes through, for the note.
    """
    runs: list[float] = []
    middles: list[float] = []
    latest = {case.order_id: newest_of(case.order_id) for case in cases}

    async def track(number: int) -> list[float]:
        mine = cases[number::TRACKS]
        taken = []
        for n in range(scale.events // TRACKS):
            case = mine[n % len(mine)]
            fact = latest[case.order_id] = following(latest[case.order_id])
            taken.append(await _shown_after_ms(bed, addresses, case, fact, tell))
        return taken

    for number in range(1, scale.rounds + 1):
        taken = sorted(one for found in await asyncio.gather(*map(track, range(TRACKS))) for one in found)
        runs.append(taken[len(taken) * 99 // 100])
        middles.append(taken[len(taken) // 2])
        say(f"round {number}: {len(taken)} events, p50 {middles[-1]:.0f} ms, p99 {runs[-1]:.0f} ms")
    note = (
        f"p99 of {scale.events} events a run, {TRACKS} at a time, p50 {sorted(middles)[len(middles) // 2]:.0f} ms; from "
        f"{way}, until an HTTP answer of each of two API processes with a warm near cache shows it; asked every "
        f"{LOOK_EVERY_S * 1000:.0f} ms."
    )
    return results.worst_of(runs, unit="ms", note=note)


async def _shown_after_ms(bed: Bed, addresses: Sequence[str], case: Case, fact: ShopFact, tell: Tell) -> float:
    """The ms from when a fact begins to be told until every process, its near cache warm before, shows it."""
    await asyncio.gather(*(_until(bed, address, case, lambda _, hit: hit) for address in addresses))
    began = time.monotonic()
    await tell(fact)
    await asyncio.gather(
        *(_until(bed, address, case, lambda version, _: version >= fact.version) for address in addresses)
    )
    return (time.monotonic() - began) * 1000


async def _until(bed: Bed, address: str, case: Case, done: Callable[[int, bool], bool]) -> None:
    """Read a timeline of one process until its version, and whether the cache answered, will do."""
    headers = {"authorization": f"Bearer {bed.people[0].token}"}
    url = f"http://{address}/support/cases/{case.ticket_id}/timeline"
    mark = re.compile(re.escape(mark_of(case.order_id)) + r"(\d+)")
    async with asyncio.timeout(_WITHIN_S):
        while True:
            async with bed.session.get(url, headers=headers) as answer:
                text = await answer.text()
            hit = "hit" in answer.headers.get("cache-status", "")
            if answer.status == 200 and done(max(map(int, mark.findall(text)), default=0), hit):  # noqa: PLR2004 - success
                return
            await asyncio.sleep(LOOK_EVERY_S)
