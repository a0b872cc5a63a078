"""`create_vs_pgbench`: opening cases through the API, beside pgbench, which sends PostgreSQL the same statements and no more."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import load, many_cases, pgbench, results
from bench.bed import Bed, service_bed
from bench.clones import Clones, numbers
from bench.cpu import cpu_seconds, load_average
from bench.load import Plan, Post
from bench.processes import HOST, Program, free_port
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say
from support_service.kit.database import Database
from support_service.kit.eventlog import Relay

NAMES = ("create_vs_pgbench",)
UNIT = "times the cases opened per CPU second"
CLIENTS = 32
STORED = 100_000
DESCRIPTION = "It should have come two days ago. " * 6
_SIDES = ("ours", "pgbench")
_WARM_S = 3.0
_ROWS = """
    SELECT (SELECT count(*) FROM support_customers WHERE customer_id LIKE 'bench-c-%') AS customers,
        (SELECT count(*) FROM order_subjects WHERE order_id LIKE 'bench-o-%') AS orders,
        (SELECT count(*) FROM support_tickets WHERE order_id LIKE 'bench-o-%') AS tickets,
        (SELECT count(*) FROM support_conversations JOIN support_tickets USING (ticket_id) WHERE order_id LIKE 'bench-o-%') AS messages,
        (SELECT count(*) FROM event_log WHERE data ->> 'order_id' LIKE 'bench-o-%') AS events,
        (SELECT count(*) FROM support_agent_activity JOIN support_tickets USING (ticket_id)
         WHERE order_id LIKE 'bench-o-%' AND action = 'case.opened') AS activities,
        (SELECT count(*) FROM idempotency_keys WHERE key LIKE 'bench-%') AS keys
"""
"""What the cases that were opened have left."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One side's turn."""

    cases: int
    seconds: float
    cpu: Mapping[str, float]
    apart: Mapping[str, float] = field(default_factory=dict)
    """What the log cost besides."""
    p99_ms: float | None = None

    @property
    def per_cpu_second(self) -> float:
        """Cases opened for each second of CPU time."""
        return self.cases / sum(self.cpu.values())

    def __str__(self) -> str:
        """For a line of progress."""
        parts = " + ".join(f"{name} {seconds / self.cases * 1e6:.0f}" for name, seconds in self.cpu.items())
        apart = "".join(f", apart {name} {seconds / self.cases * 1e6:.0f}" for name, seconds in self.apart.items())
        late = "" if self.p99_ms is None else f", p99 {self.p99_ms:.0f} ms"
        return f"{self.per_cpu_second:.0f} a CPU second, {self.cases / self.seconds:.0f}/s{late}, microseconds: {parts}{apart}"


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure this figure."""
    async with service_bed(["order-0"], people=1) as bed:
        await many_cases.fill(bed.owner, STORED)
        token = bed.token("bench-storefront", "SERVICE")
        made = await bed.ask("POST", "/support/cases", token, json.loads(body("0").replace("bench-", "other-")))
        for name in ("api", "worker"):
            await asyncio.to_thread(bed.programs[name].end)
        await bed.owner.close()
        creating = Creating(
            bed, token, {"principal": made["opened_by"], "body": json.dumps(made, separators=(",", ":"))}
        )
        turns: dict[str, list[Turn]] = {side: [] for side in _SIDES}
        for number in range(1, scale.rounds + 1):
            for side in _SIDES:
                turns[side].append(await creating.turn(side, scale.rival_seconds))
                say(f"round {number} {side:7}: {turns[side][-1]} (load {load_average():.1f})")
    return {name: _figure(turns, creating.faults) for name in names}


class Creating:
    """Turns of both sides, each on a clone of one database."""

    def __init__(self, bed: Bed, token: str, told: Mapping[str, str]) -> None:
        """Nothing is opened yet."""
        self._bed = bed
        self._clones = Clones(bed)
        self._token = token
        self._told = told
        self.faults: list[str] = []

    async def turn(self, side: str, seconds: float) -> Turn:
        """Warm a side up, then measure it; rows that are not there are added to the faults."""
        async with self._clones.one() as url:
            turn, opened = await (self._ours(url, seconds) if side == "ours" else self._pgbench(url, seconds))
            self.faults += faults_of(side, await numbers(url, _ROWS), opened)
        return turn

    async def _ours(self, url: str, seconds: float) -> tuple[Turn, int]:
        async with self._api(url) as (program, address), relay(url) as backend:
            roots = {"api": program.pid, "postgres": self._bed.roots["postgres"], "relay": backend}
            warm = await load.run(self._plan(address, _WARM_S, first=10**9), {}, self._bed.folder)
            outcome = await load.run(self._plan(address, seconds, first=1), roots, self._bed.folder)
        faults = {**warm.faults, **outcome.faults}
        self.faults += [f"ours: {times} x {fault}" for fault, times in faults.items()]
        cpu = dict(outcome.cpu)
        stamping = cpu.pop("relay")
        cpu["postgres"] -= stamping
        turn = Turn(outcome.requests, outcome.seconds, cpu, {"relay": stamping}, outcome.p99_ms)
        return turn, warm.requests + outcome.requests

    async def _pgbench(self, url: str, seconds: float) -> tuple[Turn, int]:
        variables = {
            **self._told,
            "route": "POST /support/cases",
            "description": DESCRIPTION.strip(),
            "request": "0123456789abcdef0123456789abcdef",
        }
        folder, postgres = self._bed.folder, [self._bed.roots["postgres"]]
        warm = await pgbench.run(url, folder, variables | {"first": str(10**9)}, clients=CLIENTS, seconds=_WARM_S)
        before = cpu_seconds(postgres)
        done = await pgbench.run(url, folder, variables | {"first": "1"}, clients=CLIENTS, seconds=seconds)
        cpu = {"pgbench": done.client_cpu_s, "postgres": cpu_seconds(postgres) - before}
        return Turn(done.transactions, done.seconds, cpu), warm.transactions + done.transactions

    @contextlib.asynccontextmanager
    async def _api(self, url: str) -> AsyncIterator[tuple[Program, str]]:
        port = free_port()
        environment = {**self._bed.settings, "DATABASE_URL": url, "PORT": str(port)}
        command = [sys.executable, "-m", "support_service.entrypoints.cli", "api"]
        with Program("api-create", command, environment, self._bed.logs) as program:
            await asyncio.to_thread(program.until_answers, f"http://{HOST}:{port}/readyz")
            yield program, f"{HOST}:{port}"

    def _plan(self, address: str, seconds: float, *, first: int) -> Plan:
        post = Post(body("{n}"), "Idempotency-Key: bench-{n}", first)
        return Plan(address, CLIENTS, seconds, ["/support/cases"], [self._token], [], post=post)


@contextlib.asynccontextmanager
async def relay(url: str) -> AsyncIterator[int]:
    """Stamp the log as the worker would, meanwhile and until none waits; gives the process that PostgreSQL does it by."""
    database = Database(url, name="bench-relay", max_size=1)
    stop = asyncio.Event()
    stamping = asyncio.create_task(_stamp(Relay(database), stop))
    try:
        async with database.connection() as connection:
            backend = int(await connection.fetchval("SELECT pg_backend_pid()"))
        yield backend
    finally:
        stop.set()
        await stamping
        await database.close()


async def _stamp(relaying: Relay, stop: asyncio.Event) -> None:
    await relaying.run(stop)
    while await relaying.step():
        pass


def faults_of(side: str, found: Mapping[str, int], opened: int) -> list[str]:
    """Rows that are not there as often as cases were opened."""
    return [f"{side}: {rows} {name} of {opened} cases" for name, rows in found.items() if rows != opened]


def body(number: str) -> str:
    """What is asked for: a case of a new customer on a new order."""
    return json.dumps(
        {
            "customer_id": f"bench-c-{number}",
            "order_id": f"bench-o-{number}",
            "channel": "WEB",
            "subject": f"Where is bench-o-{number}?",
            "description": DESCRIPTION,
        }
    )


def _figure(turns: Mapping[str, Sequence[Turn]], faults: Sequence[str]) -> Figure:
    if faults:
        return results.failed("; ".join(faults[:5]), unit=UNIT)
    ratios = [ours.per_cpu_second / its.per_cpu_second for ours, its in zip(*turns.values(), strict=True)]
    middles = {
        side: sorted(taken, key=lambda one: one.per_cpu_second)[len(taken) // 2] for side, taken in turns.items()
    }
    stamping = median(sum(turn.apart.values()) / turn.cases for turn in turns["ours"])
    note = (
        "; ".join(f"{side}: {turn}" for side, turn in middles.items())
        + f". {CLIENTS} connections; {STORED} cases are stored before; every case on a new order of a new customer, with an "
        f"Idempotency-Key. Stamping the log costs {stamping * 1e6:.0f} microseconds of PostgreSQL a case and is not counted."
    )
    return results.median_of(ratios, unit=UNIT, note=note)
