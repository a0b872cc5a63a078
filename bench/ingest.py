"""Taking in shop events from a real Kafka, with all their effects, beside a bare consumer that copies them into a table.

All sides read the same topics, each turn as a new consumer group and into a database that began as the others' did.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

from bench import piped, results, tidings
from bench.bed import Bed, service_bed
from bench.broker import SHOP_TOPICS, Broker, kafka
from bench.clones import Clones, numbers
from bench.cpu import cpu_seconds
from bench.hot import redis
from bench.results import Figure
from bench.rivals.copying import TARGETS
from bench.scale import Scale
from bench.shop import facts_of
from bench.table import Say
from support_service.adapters.kafka.events import FETCHED_AHEAD_KB
from support_service.entrypoints.worker import INTAKE_BATCH

(INGEST,) = NAMES = ("ingest_vs_raw",)
UNIT = "times the events per CPU second"
_OURS, _TYPED, _RAW = SIDES = ("ours", "typed", "raw")
_STOCKED = 6
_DONE_WITHIN_S = 300.0
_STORED = 100_000
_BEFORE = f"""
    INSERT INTO support_timeline_events
        (source, event_id, entity_id, version, order_id, customer_id, occurred_at, data, received_at)
    SELECT 'order', 'order-other-' || n || '-1', 'other-' || n, 1, 'other-' || n, 'c-other-' || n,
        now(), '{{"status": "created", "items": 2, "currency": "VND"}}', now()
    FROM generate_series(1, {_STORED}) AS n;
    INSERT INTO order_subjects (order_id, customer_id, origin, learnt_at)
    SELECT 'other-' || n, 'c-other-' || n, 'learnt', now() FROM generate_series(1, {_STORED}) AS n;
    INSERT INTO support_customers (customer_id, created_at)
    SELECT 'c-other-' || n, now() FROM generate_series(1, {_STORED // 10}) AS n;
"""  # noqa: S608 - ours
_EFFECTS = """
    SELECT (SELECT count(*) FROM support_timeline_events WHERE order_id LIKE 'told-%') AS inbox,
        (SELECT count(*) FROM order_subjects WHERE origin = 'learnt' AND order_id LIKE 'told-%') AS orders,
        (SELECT sum(generation)::bigint FROM support_customers) AS generations,
        (SELECT count(*) FROM event_log WHERE type = 'support.timeline.changed') AS logged,
        (SELECT count(*) FROM support_case_context, jsonb_object_keys(facts)) AS context,
        (SELECT count(*) FROM dead_letters) AS letters
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a side took."""

    events: int
    cpu_s: float
    seconds: float
    batches_ms: Sequence[float]

    @property
    def per_cpu_second(self) -> float:
        """Events for a second of CPU time."""
        return self.events / self.cpu_s

    @property
    def p99_ms(self) -> float:
        """Of a batch, from its messages' being there until its offsets are kept."""
        return sorted(self.batches_ms)[len(self.batches_ms) * 99 // 100]

    def __str__(self) -> str:
        """For a line of progress."""
        return f"{self.per_cpu_second:.0f} a CPU second, {self.events / self.seconds:.0f}/s, batch p99 {self.p99_ms:.0f} ms"


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure this figure."""
    orders = tidings.orders_of(scale.shop_orders)
    cases = tidings.watched(orders)
    async with (
        redis() as (url, redis_pid),
        kafka() as broker,
        service_bed(cases, people=1, redis_url=url, facts=_STOCKED) as bed,
    ):
        await stored(bed)
        await prepared(bed)
        await broker.make(SHOP_TOPICS)
        told = tidings.events(orders)
        await broker.tell(told)
        intake = Intake(bed, broker, len(told), redis_pid)
        turns: dict[str, list[Turn]] = {side: [] for side in SIDES}
        for number in range(1, scale.rounds + 1):
            for side in SIDES:
                turns[side].append(await intake.turn(side))
                intake.faults += faults_of(side, intake.found, orders, cases)
                say(f"round {number} {side:5}: {turns[side][-1]}")
    return {name: _figure(turns, intake.faults, len(cases)) for name in names}


async def stored(bed: Bed) -> None:
    """Let the tables hold what came before, and PostgreSQL know how much that is, as in any shop but on its first day."""
    async with bed.owner.connection() as connection:
        await connection.execute(_BEFORE)
        await connection.execute("VACUUM ANALYZE")


async def prepared(bed: Bed) -> None:
    """End the service's processes, whose database is to be cloned, and make the rivals' tables in it."""
    for program in bed.programs.values():
        await asyncio.to_thread(program.end)
    async with bed.owner.transaction() as tx:
        for target in TARGETS.values():
            await tx.execute(f"CREATE TABLE {target.table} ({target.definition})")
            await tx.execute(f"GRANT ALL ON {target.table} TO PUBLIC")
    await bed.owner.close()


class Intake:
    """Turns of all sides over the same topics."""

    def __init__(self, bed: Bed, broker: Broker, events: int, redis_pid: int) -> None:
        """Nothing is taken in yet."""
        self._bed = bed
        self._broker = broker
        self._events = events
        self._redis_pid = redis_pid
        self._clones = Clones(bed)
        self._groups = count(1)
        self.found: Mapping[str, int] = {}
        """What is in the database after the turn before."""
        self.faults: list[str] = []

    async def turn(self, side: str) -> Turn:
        """Let a side take in everything, and look at what is in its database."""
        group = f"bench-{side}-{next(self._groups)}"
        async with self._clones.one() as url:
            environment = {
                **self._bed.settings,
                "DATABASE_URL": url,
                "KAFKA_SERVERS": self._broker.servers,
                "KAFKA_GROUP": group,
            }
            command = [sys.executable, "-m", "bench.intake" if side == _OURS else "bench.rivals.copying"]
            async with piped.running(side, command, self._plan(side, url, group), self._bed.folder, environment) as one:
                roots = [self._bed.roots["postgres"], one.pid, *([self._redis_pid] if side == _OURS else [])]
                before = cpu_seconds(roots)
                await one.tell("go")
                await one.says("done", _DONE_WITHIN_S)
                cpu_s = cpu_seconds(roots) - before
                told = await one.left()
            query = _EFFECTS if side == _OURS else f"SELECT count(*) AS copied FROM {TARGETS[side].table}"  # noqa: S608 - ours
            self.found = await numbers(url, query)
        return Turn(self._events, cpu_s, told["seconds"], told["batches_ms"])

    def _plan(self, side: str, url: str, group: str) -> dict[str, object]:
        """What a rival is told; ours reads the same from its settings, and the options are those of its adapter."""
        options = {
            "bootstrap.servers": self._broker.servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "queued.max.messages.kbytes": FETCHED_AHEAD_KB,
        }
        return {
            "count": self._events,
            "kind": side,
            "database": url,
            "batch": INTAKE_BATCH,
            "topics": SHOP_TOPICS,
            "options": options,
        }


def faults_of(side: str, found: Mapping[str, int], orders: Sequence[str], cases: Sequence[str]) -> list[str]:
    """What is not in the tables as it has to be, nothing lost and nothing twice."""
    all_events = len(orders) * tidings.EVENTS_OF_ORDER
    of_cases = len(cases) * tidings.EVENTS_OF_ORDER
    wanted = {"copied": all_events}
    if side == _OURS:
        wanted = {
            "inbox": all_events,
            "orders": len(orders),
            "generations": of_cases,
            "logged": of_cases,
            "context": sum(map(_known_of, cases)),
            "letters": 0,
        }
    return [
        f"{side}: {name} {found.get(name)}, not {right}" for name, right in wanted.items() if found.get(name) != right
    ]


def _known_of(order_id: str) -> int:
    """Facts in the context of the order's case: what was read when it opened, and what was told."""
    facts = [*facts_of(order_id, _STOCKED), *tidings.facts_told(order_id)]
    return len({(fact.source, fact.entity_id, fact.version) for fact in facts})


def _figure(turns: Mapping[str, Sequence[Turn]], faults: Sequence[str], cases: int) -> Figure:
    if faults:
        return results.failed("; ".join(faults[:5]), unit=UNIT)
    ratios, raw = (_ratios(turns[_OURS], turns[rival]) for rival in (_TYPED, _RAW))
    events = turns[_OURS][0].events
    told = "; ".join(f"{side}: {_middle(turns[side])}" for side in SIDES)
    note = (
        f"{median(raw):.2f} of a COPY of raw bodies. {told}. {events} events of {tidings.EVENTS_OF_ORDER} an order on "
        f"{len(SHOP_TOPICS)} topics, {cases * tidings.EVENTS_OF_ORDER} of them on orders with an open case, batches of {INTAKE_BATCH}; "
        f"{_STORED} events of other orders are there before. CPU time of the consumer, of PostgreSQL and, ours, of Redis. The typed rival decodes into columns with a primary key."
    )
    return results.median_of(ratios, unit=UNIT, note=note)


def _ratios(ours: Sequence[Turn], theirs: Sequence[Turn]) -> list[float]:
    return [a.per_cpu_second / b.per_cpu_second for a, b in zip(ours, theirs, strict=True)]


def _middle(turns: Sequence[Turn]) -> Turn:
    return sorted(turns, key=lambda turn: turn.per_cpu_second)[len(turns) // 2]
