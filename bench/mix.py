"""The service on Trino and Redis, with hot and cold cases, and every body that has to come back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.stack import Stack

from bench import lake, load, truth
from bench.bed import Bed, Case, service_bed
from bench.load import Expected, Plan

PEOPLE = 200
_AT_ONCE = 50
_READ_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Paths:
    """What to ask for, and what each has to answer."""

    paths: Sequence[str]
    expected: Sequence[Expected]

    def __add__(self, other: "Paths") -> "Paths":
        """Both."""
        return Paths([*self.paths, *other.paths], [*self.expected, *other.expected])


@contextlib.asynccontextmanager
async def bed_on_trino(orders: Sequence[str]) -> AsyncIterator[tuple[Bed, Stack]]:
    """The service with a case on each of these orders, on a Trino and a Redis of its own.

    Trino is one that compiles lightly, as it is started under load on the cores of everything else.
    """
    with (
        TemporaryDirectory(prefix="support-bench-stack-") as folder,
        Stack(Path(folder), settings={**lake.SETTINGS, "trino.quick": "yes"}) as stack,
    ):
        await asyncio.to_thread(stack.up, "trino", "redis")
        async with (
            lake.open_lake(stack) as opened,
            service_bed(orders, people=PEOPLE, redis_url=stack["redis"].url, lake=opened) as bed,
        ):
            yield bed, stack


def timeline(case: Case) -> str:
    """The path of a case's timeline, whose page is cached."""
    return f"/support/cases/{case.ticket_id}/timeline"


def never_cached(path: str) -> str:
    """The same page at a size that is never cached: each read of it asks the sources."""
    return f"{path}?limit=99"


async def known(bed: Bed, cases: Sequence[Case]) -> Paths:
    """The timelines of these cases and their expected beginnings, learnt without any of them getting into a cache.

    Raises:
        WrongAnswer: a body is not what the shop's facts say.
    """
    bodies: list[str] = []
    for start in range(0, len(cases), _AT_ONCE):
        part = cases[start : start + _AT_ONCE]
        paths = [never_cached(timeline(case)) for case in part]
        plan = Plan(bed.address, len(part), _READ_DEADLINE_S, paths, [bed.people[0].token], [], once=True)
        bodies += (await load.run(plan, {}, bed.folder)).bodies
    expected = [
        truth.timeline_body(body, case.order_id, settled=False) for body, case in zip(bodies, cases, strict=True)
    ]
    return Paths([timeline(case) for case in cases], expected)
