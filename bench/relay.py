"""The event log stamped and published to a real Kafka, beside a bare producer that sends the same bytes from a list."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench import piped, results
from bench.bed import Bed, service_bed
from bench.broker import PARTITIONS, Broker, Published, kafka
from bench.clones import Clones
from bench.cpu import cpu_seconds
from bench.ingest import prepared
from bench.results import Figure
from bench.scale import Scale
from bench.shop import customer_of
from bench.table import Say
from support_service.context import TimelineChanged
from support_service.kit.database import Database
from support_service.kit.eventlog import append_all

(RELAY,) = NAMES = ("relay_vs_raw",)
UNIT = "times the events per CPU second"
_OURS, _BARE = "ours", "bare"
_SUBJECTS = 1_000
_AT_ONCE = 1_000
_DONE_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a side took."""

    events: int
    cpu_s: float
    seconds: float

    @property
    def per_cpu_second(self) -> float:
        """Events for a second of CPU time."""
        return self.events / self.cpu_s

    def __str__(self) -> str:
        """For a line of progress."""
        return f"{self.per_cpu_second:.0f} a CPU second, {self.events / self.seconds:.0f}/s"


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure this figure."""
    turns: dict[str, list[Turn]] = {_OURS: [], _BARE: []}
    faults: list[str] = []
    async with kafka() as broker, service_bed(["any"], people=1, facts=1) as bed:
        await prepared(bed)
        before = await write_log(bed, scale.log_rows)
        relaying = Relaying(bed, broker, before + scale.log_rows)
        for number in range(1, scale.rounds + 1):
            topics = {side: f"bench-{side}-{number}" for side in turns}
            await broker.make(topics.values())
            turns[_OURS].append(await relaying.ours(topics[_OURS]))
            ours = await broker.read(topics[_OURS])
            faults += faults_of(ours, relaying.rows)
            turns[_BARE].append(await relaying.bare(topics[_BARE], ours))
            faults += differences(ours, await broker.read(topics[_BARE]))
            for side, taken in turns.items():
                say(f"round {number} {side}: {taken[-1]}")
    return {name: _figure(turns, faults) for name in names}


async def write_log(bed: Bed, count: int) -> int:
    """Let rows wait in the log of the database that is to be cloned; returns how many waited or were stamped before."""
    database = Database(bed.settings["DATABASE_URL"], name="bench-log", max_size=1)
    try:
        async with database.connection() as connection:
            before = int(await connection.fetchval("SELECT count(*) FROM event_log"))
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count))
            async with database.transaction() as tx:
                await append_all(tx, [_moved(number) for number in numbers])
    finally:
        await database.close()
    return before


def _moved(number: int) -> tuple[TimelineChanged, str, int]:
    customer_id, sequence = customer_of(f"order-{number % _SUBJECTS:04}"), number // _SUBJECTS + 1
    order_id = f"order-{number % _SUBJECTS:04}"
    entry_id = f"order:{order_id}:{sequence}"
    return (
        TimelineChanged(customer_id=customer_id, order_id=order_id, source="order", entry_id=entry_id),
        customer_id,
        sequence,
    )


class Relaying:
    """Turns of both sides, each into a topic of its own."""

    def __init__(self, bed: Bed, broker: Broker, rows: int) -> None:
        """Nothing is published yet."""
        self._bed = bed
        self._broker = broker
        self._clones = Clones(bed)
        self.rows = rows
        """Of the log."""

    async def ours(self, topic: str) -> Turn:
        """Stamp and publish all rows of a clone."""
        async with self._clones.one() as url:
            environment = {
                **self._bed.settings,
                "DATABASE_URL": url,
                "KAFKA_SERVERS": self._broker.servers,
                "KAFKA_PUBLISH_TOPIC": topic,
            }
            return await self._turn("bench.relaying", {}, [self._bed.roots["postgres"]], environment)

    async def bare(self, topic: str, events: Sequence[Published]) -> Turn:
        """Send what was published again, in the same order."""
        listed = self._bed.folder / "published.json"
        in_order = sorted(events, key=_position)
        listed.write_text(json.dumps([(event.key, event.value, event.headers) for event in in_order]), "utf-8")
        plan = {"servers": self._broker.servers, "topic": topic, "events": str(listed)}
        return await self._turn("bench.rivals.producing", plan, [], self._bed.settings)

    async def _turn(
        self, module: str, plan: Mapping[str, object], roots: Sequence[int], environment: Mapping[str, str]
    ) -> Turn:
        command = [sys.executable, "-m", module]
        whole = {**plan, "count": self.rows}
        async with piped.running(module, command, whole, self._bed.folder, environment) as one:
            before = cpu_seconds([*roots, one.pid])
            await one.tell("go")
            await one.says("done", _DONE_WITHIN_S)
            cpu_s = cpu_seconds([*roots, one.pid]) - before
            told = await one.left()
        return Turn(self.rows, cpu_s, told["seconds"])


def faults_of(published: Sequence[Published], rows: int) -> list[str]:
    """What is not in the topic as it has to be: every row once, those of each key in their order."""
    faults = [] if len(published) == rows else [f"{len(published)} events in the topic, not {rows}"]
    positions = Counter(map(_position, published))
    if sorted(positions) != list(range(1, rows + 1)):
        faults.append("positions have gaps")
    last: dict[str, int] = {}
    inverted = 0
    for event in sorted(published, key=lambda event: (event.partition, event.offset)):
        inverted += _position(event) <= last.get(event.key, 0)
        last[event.key] = _position(event)
    return [*faults, *([f"{inverted} events behind a later one of their key"] if inverted else [])]


def differences(ours: Sequence[Published], theirs: Sequence[Published]) -> list[str]:
    """What the rival did not send as we did."""
    mine, its = (sorted((replace(event, offset=0) for event in side), key=_position) for side in (ours, theirs))
    return [] if mine == its else [f"the rival sent {len(its)} events that are not ours of {len(mine)}"]


def _position(event: Published) -> int:
    return int(dict(event.headers)["ce_position"])


def _figure(turns: Mapping[str, Sequence[Turn]], faults: Sequence[str]) -> Figure:
    if faults:
        return results.failed("; ".join(faults[:5]), unit=UNIT)
    ratios = [a.per_cpu_second / b.per_cpu_second for a, b in zip(turns[_OURS], turns[_BARE], strict=True)]
    told = "; ".join(
        f"{side}: {median(turn.per_cpu_second for turn in taken):.0f} a CPU second, "
        f"{median(turn.events / turn.seconds for turn in taken):.0f}/s"
        for side, taken in turns.items()
    )
    note = (
        f"{told}. {turns[_OURS][0].events} rows of {_SUBJECTS} subjects that wait in the log, to a topic of {PARTITIONS} partitions; "
        "CPU time of the process, and ours, of PostgreSQL. Each row came once and in the order of its key."
    )
    return results.median_of(ratios, unit=UNIT, note=note)
