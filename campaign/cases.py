"""The campaign of cases: clients go about their work while API servers and workers are killed again and again.

Each of them dies where it is told and is started anew, all at the same time and under load. In the end those that live have to
come to rest, and everybody's account of what they were told has to agree with the tables.
"""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bench.processes import Program

from campaign.api_points import API_POINTS
from campaign.case_checker import judge
from campaign.case_ground import APIS, WORKERS, CaseGround, open_case_ground
from campaign.clients import Client
from campaign.death import died
from campaign.history import History, Life
from campaign.load import at_the_desk, at_the_storefront, crowd, read_the_stream, receiving
from campaign.points import CASE_POINTS
from campaign.verdict import Verdict, rows_of
from support.service import eventually

_DIES_WITHIN_S = 30.0
_SETTLES_WITHIN_S = 120.0
_COMINGS = {"case": 6, "message": 10, "change": 4}
"""At which of so many comings to a point of a part a process dies at the latest; others come by less often."""

_ANYWHERE = "anywhere else"
_POINTS = frozenset({*API_POINTS, *CASE_POINTS})
_ENOUGH = 2
"""So many kills for each point leave no excuse for one at which nothing died."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is to happen."""

    kills: int
    seconds: float
    """After which no more is killed, however often it was."""
    agents: int = 6


@dataclass(slots=True)
class CaseCampaign:
    """One that is under way."""

    ground: CaseGround
    plan: Plan
    say: Say
    rng: Random = field(default_factory=lambda: Random(8_360))  # noqa: S311 - where to kill, no secret
    history: History = field(default_factory=History)
    deaths: Counter[str] = field(default_factory=Counter)
    clients: list[Client] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    async def run(self) -> Verdict:
        """All of it; returns what came of it."""
        async with receiving(self.rng) as receiver, asyncio.TaskGroup() as tasks:
            with self.ground.api(0) as undisturbed:
                await asyncio.to_thread(undisturbed.until_answers, f"{self.ground.url(0)}/readyz")
                await self._prepare(receiver.url)
            self.begun = time.monotonic()
            haunted = self._haunt(tasks)
            stop = asyncio.Event()
            streaming = tasks.create_task(
                read_the_stream(self.ground.person("stream", "SUPERVISOR"), self.history, self.rng)
            )
            working = self._work(tasks, stop)
            for one in haunted:
                await one
            with contextlib.ExitStack() as living:
                for number in range(APIS):
                    living.enter_context(self.ground.api(number))
                for _ in range(WORKERS):
                    living.enter_context(self.ground.worker())
                stop.set()
                for one in working:
                    await one
                await self._until_settled()
                streaming.cancel()
            self.history.posts = [(got.event_id, got.body) for got in receiver.got]
        return await self._verdict()

    def _haunt(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        of_apis, of_workers = deque(API_POINTS), deque(CASE_POINTS)
        self.rng.shuffle(of_apis)
        self.rng.shuffle(of_workers)
        ghosts = [self._haunt_one(self._api(number), of_apis, self.ground.url(number)) for number in range(APIS)]
        ghosts += [self._haunt_one(self.ground.worker, of_workers) for _ in range(WORKERS)]
        return [tasks.create_task(ghost) for ghost in ghosts]

    def _api(self, number: int) -> Callable[[str], Program]:
        return lambda death: self.ground.api(number, death)

    async def _haunt_one(self, start: Callable[[str], Program], points: deque[str], url: str | None = None) -> None:
        """One process after the other that dies at the next point; one that does not come there dies where it is."""
        while not self._over():
            point = points[0]
            points.rotate(-1)
            began = time.time()
            with start(f"{point}:{self._times(point)}") as program:
                try:
                    if not await self._died(program):
                        point = _ANYWHERE
                finally:
                    program.kill()
            self.deaths[point] += 1
            if url is not None:
                self.history.lives.append(Life(url, began, time.time()))
            self.say(f"{self.deaths.total()} deaths, the last at {point}; {len(self.history.said)} writes asked for")

    def _times(self, point: str) -> int:
        return self.rng.randint(1, _COMINGS.get(point.partition(".")[0], 2))

    async def _died(self, program: Program) -> bool:
        """Whether it died where it was told before it is time to go on."""
        deadline = time.monotonic() + _DIES_WITHIN_S
        while time.monotonic() < deadline and not self._over():
            if await died(program, 0.1):
                return True
        return await died(program, 0)

    def _over(self) -> bool:
        if time.monotonic() > self.begun + self.plan.seconds:
            return True
        return self.deaths.total() >= self.plan.kills and not self._spared()

    def _spared(self) -> frozenset[str]:
        """The points at which nothing has died yet."""
        return _POINTS - self.deaths.keys()

    async def _prepare(self, url: str) -> None:
        """Have everything posted to the receiver, from the first event on; let everybody sign in."""
        supervisor = self._client("supervisor", "SUPERVISOR")
        answer, _ = await supervisor.ask("POST", "/support/webhooks", {"url": url}, idempotency_key="webhook")
        if answer is None or answer.status != 201:  # noqa: PLR2004
            raise RuntimeError(f"there is no webhook: {answer}")

    def _work(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> list[asyncio.Task[None]]:
        desks, storefronts = crowd(lambda role: self._client(f"{role}-{len(self.clients)}", role), self.plan.agents)
        working = [tasks.create_task(at_the_desk(client, stop)) for client in desks]
        return working + [tasks.create_task(at_the_storefront(client, stop)) for client in storefronts]

    def _client(self, subject: str, role: str) -> Client:
        client = Client(self.ground.person(subject, role), self.history, Random(subject))  # noqa: S311 - no secret
        self.clients.append(client)
        return client

    async def _until_settled(self) -> None:
        """Until nothing is under way and the stream's reader has got all there is; else the checker says what is wrong."""

        async def quiet() -> bool:
            (unfinished, newest), *_ = await rows_of(self.ground.owner, UNFINISHED)
            return bool(unfinished == 0 and (self.history.told or [0])[-1] >= newest)

        with contextlib.suppress(TimeoutError):
            await eventually(quiet, within_s=_SETTLES_WITHIN_S)

    async def _verdict(self) -> Verdict:
        verdict = Verdict()
        verdict.counts |= {f"kill -9 at {point}": count for point, count in sorted(self.deaths.items())}
        verdict.counts["kill -9"] = self.deaths.total()
        verdict.counts["requests that got no answer"] = self.history.broken
        verdict.counts |= {f"refused by {code}": count for code, count in sorted(self.history.refused.items())}
        await judge(self.ground.owner, self.history, verdict)
        strange = sum((client.strange for client in self.clients), Counter[str]())
        verdict.hold("answers that nobody should get", strange.total())
        verdict.wrong += [f"{count} times {what}" for what, count in strange.items()]
        if self.deaths.total() < self.plan.kills:
            verdict.wrong.append(f"only {self.deaths.total()} of {self.plan.kills} kills took place")
        verdict.counts["points at which nothing died"] = len(self._spared())
        if self.plan.kills >= _ENOUGH * len(_POINTS):
            verdict.wrong += [f"nothing died at {point}" for point in sorted(self._spared())]
        return verdict


async def campaign(plan: Plan, say: Say) -> Verdict:
    """Run one from the beginning to the end, on a ground of its own."""
    async with open_case_ground() as ground:
        return await CaseCampaign(ground, plan, say).run()


UNFINISHED = """
    SELECT (SELECT count(*) FROM event_log WHERE position IS NULL)
        + (SELECT count(*) FROM log_cursors WHERE position < (SELECT position FROM log_head))
        + (SELECT count(*) FROM due_work WHERE kind = 'context.enrich')
        + (SELECT count(*) FROM support_webhook_deliveries WHERE status = 'PENDING'),
        (SELECT coalesce(max(position), 0) FROM event_log WHERE type <> 'support.case.closed')
"""
"""What is under way, and the position of the last event that the stream tells."""
