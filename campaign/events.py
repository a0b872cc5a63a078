"""The campaign of events: what a shop says, through a worker that is killed again and again, held to the ordered replay.

A slice of the story is sent, a worker starts, and dies where it is told; then the next. In between PostgreSQL and Kafka are
killed or cut off while a worker works. In the end one that lives has to come to what each event once and in order came to.
"""

import asyncio
import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from random import Random
from uuid import UUID

from campaign.checker import judge, judge_topic
from campaign.death import died
from campaign.ground import CASES_TOPIC, Ground, open_ground
from campaign.points import POINTS
from campaign.story import Chapter
from campaign.verdict import Verdict
from support.service import worked_off
from support.shop import record_of
from support_service import wiring
from support_service.demo.events import ShopEvent
from support_service.desk.schemas import MessageCreate, TicketCreate
from support_service.directory import Principal
from support_service.entrypoints.worker import INTAKE_BATCH
from support_service.kit.database import DatabaseError, LostConnection
from support_service.kit.problems import Problem

WITH_CASES = 0.02
"""The part of the orders that have an open case."""

_DIES_WITHIN_S = 30.0
_SETTLES_WITHIN_S = 180.0
_AWAY_S = 2.0
_BATCH = 500

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is to happen."""

    kills: int
    chapters: Iterable[Chapter]
    kills_a_chapter: int
    fault_every: int = 2
    """A fault of PostgreSQL or Kafka before every so many kills."""


@dataclass(slots=True)
class Campaign:
    """One that is under way."""

    ground: Ground
    plan: Plan
    say: Say
    rng: Random = field(default_factory=lambda: Random(8_360))  # noqa: S311 - where to kill, no secret
    deaths: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    events: int = 0
    poison: int = 0

    async def run(self) -> Verdict:
        """Tell the whole story; returns what came of it."""
        ours, theirs = await self._agent(self.ground.services), await self._agent(self.ground.reference)
        for chapter in self.plan.chapters:
            cases = await self._open_cases(chapter, ours, theirs)
            await self._tell(chapter, ours, cases)
            self.events += len(chapter.ordered)
            self.poison += chapter.poison
            async with self._living_worker():
                await self._until_settled()
            await self._replay_in_order(chapter)
            self.say(f"{self.events} events, {self.deaths.total()} deaths, {self.faults.total()} faults: settled")
        await worked_off(self.ground.reference)
        verdict = Verdict()
        verdict.counts |= {"events": self.events, "records sent": self.sent, "poison among them": self.poison}
        verdict.counts |= {"kill -9": self.deaths.total(), "faults of PostgreSQL and Kafka": self.faults.total()}
        await judge(self.ground.owner, self.ground.reference.database, verdict, poison=self.poison)
        await judge_topic(self.ground.owner, self.ground.stack["kafka"]["bootstrap"], CASES_TOPIC, verdict)
        if self.deaths.total() < self.plan.kills:
            verdict.wrong.append(f"only {self.deaths.total()} of {self.plan.kills} kills took place")
        return verdict

    async def _tell(self, chapter: Chapter, agent: Principal, cases: Sequence[UUID]) -> None:
        """Send a chapter slice by slice, each to a worker that dies."""
        kills = min(self.plan.kills_a_chapter, self.plan.kills - self.deaths.total())
        faults = {kill: next(_FAULTS) for kill in range(kills) if kill % self.plan.fault_every == 1}
        size = ceil(len(chapter.sent) / (kills + len(faults) + 1))
        slices = _batched(chapter.sent, size)
        for kill in range(kills):
            if kill in faults:
                await self._next_slice(slices, agent, cases)
                await self._hurt(faults[kill])
            await self._next_slice(slices, agent, cases)
            await self._kill(size // INTAKE_BATCH)
        for left in slices:
            await self.ground.send(left)
            self.sent += len(left)

    async def _next_slice(self, slices: Iterator[Sequence[ShopEvent]], agent: Principal, cases: Sequence[UUID]) -> None:
        part = next(slices, ())
        await self.ground.send(part)
        self.sent += len(part)
        for ticket_id in self.rng.sample(list(cases), min(10, len(cases))):
            await self._say_something(agent, ticket_id)

    async def _kill(self, batches: int) -> None:
        """Let a worker that has so many batches to take in die at a point; where it does not come there, at another."""
        for point in self.rng.sample(POINTS, len(POINTS)):
            times = self.rng.randint(1, max(1, batches // 2)) if point.startswith("intake") else 1
            with self.ground.worker(f"{point}:{times}") as worker:
                if await died(worker, _DIES_WITHIN_S if point.startswith("intake") else _DIES_WITHIN_S / 3):
                    self.deaths[point] += 1
                    return
        raise TimeoutError("a worker outlived every point: there was nothing for it to do")

    async def _hurt(self, fault: str) -> None:
        """Hurt a component while a worker works, and end that worker in the middle of what follows."""
        component, how = fault.split()
        with self.ground.worker() as worker:
            await asyncio.sleep(_AWAY_S)
            if how == "killed":
                running = self.ground.stack[component]
                await asyncio.to_thread(running.kill)
                await asyncio.sleep(_AWAY_S)
                await asyncio.to_thread(running.start)
            else:
                with self.ground.proxies[component].cut():
                    await asyncio.sleep(_AWAY_S)
            await asyncio.sleep(_AWAY_S)
            await died(worker, 0)
        self.faults[fault] += 1

    @contextlib.asynccontextmanager
    async def _living_worker(self) -> AsyncIterator[None]:
        with self.ground.worker():
            yield

    async def _until_settled(self) -> None:
        """Until a worker has taken in everything and every follower has seen it."""
        query = """
            SELECT (SELECT count(*) FROM support_timeline_events), (SELECT count(*) FROM dead_letters),
                (SELECT count(*) FROM event_log WHERE position IS NULL)
                    + (SELECT count(*) FROM log_cursors WHERE position < (SELECT position FROM log_head)),
                (SELECT count(*) FROM support_tickets t
                    WHERE NOT EXISTS (SELECT FROM support_case_context c WHERE c.ticket_id = t.ticket_id))
        """
        deadline = time.monotonic() + _SETTLES_WITHIN_S
        found: tuple[int, ...] = ()
        while found != (self.events, self.poison, 0, 0):
            if time.monotonic() > deadline:
                self.say(f"not settled: {found} instead of {(self.events, self.poison, 0, 0)}")
                return  # the checker says what is wrong
            await asyncio.sleep(0.5)
            async with self.ground.owner.connection() as connection:
                found = tuple(await connection.fetchrow(query) or ())

    async def _agent(self, services: wiring.Services) -> Principal:
        token = self.ground.issuer.token(
            subject="campaign", name="Campaign", email="c@example.com", roles=("SUPERVISOR",), teams=()
        )
        return await services.guard.principal(f"Bearer {token}")

    async def _open_cases(self, chapter: Chapter, ours: Principal, theirs: Principal) -> list[UUID]:
        """The same cases on both sides; one in ten tells no order."""
        chosen = self.rng.sample(list(chapter.orders), max(1, int(len(chapter.orders) * WITH_CASES)))
        found = []
        for number, (order_id, customer_id) in enumerate(chosen):
            new = TicketCreate.model_validate(
                {
                    "customer_id": customer_id,
                    "order_id": None if number % 10 == 0 else order_id,
                    "channel": "WEB",
                    "subject": "Where is it?",
                    "description": "It is late.",
                }
            )
            answer = await self.ground.services.desk.open_case(ours, new, None)
            found.append(UUID(json.loads(answer.body)["ticket_id"]))
            await self.ground.reference.desk.open_case(theirs, new, None)
        return found

    async def _say_something(self, agent: Principal, ticket_id: UUID) -> None:
        new = MessageCreate.model_validate({"message": "We are looking into it.", "internal": True})
        with contextlib.suppress(Problem, DatabaseError, *LostConnection):  # PostgreSQL may just have come back
            await self.ground.services.desk.post_message(agent, ticket_id, new, None)

    async def _replay_in_order(self, chapter: Chapter) -> None:
        context = self.ground.reference.context
        for batch in _batched(chapter.ordered, _BATCH):
            await context.ingest([record_of(event, number) for number, event in enumerate(batch)])


async def campaign(plan: Plan, say: Say) -> Verdict:
    """Run one from the beginning to the end, on a ground of its own."""
    async with open_ground() as ground:
        return await Campaign(ground, plan, say).run()


def _batched(events: Sequence[ShopEvent], size: int) -> Iterator[Sequence[ShopEvent]]:
    return (events[first : first + size] for first in range(0, len(events), size))


_FAULTS = itertools.cycle(["postgres killed", "kafka cut", "kafka killed", "postgres cut"])
