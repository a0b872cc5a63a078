"""`peer_read`, `peer_create`: our API beside django-helpdesk's, on the same PostgreSQL, at 1,000 and at 10,000 tickets."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from statistics import median
from urllib.parse import urlsplit

from bench import backends, create, helpdesk, load, many_cases, results
from bench.bed import Bed, service_bed
from bench.clones import numbers
from bench.cpu import load_average
from bench.helpdesk import Helpdesk
from bench.load import Expected, Outcome, Plan, Post
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say

NAMES = ("peer_read", "peer_create")
UNIT = "times the requests per CPU second"
SIZES = (1_000, 10_000)
MESSAGES = 5
_CONNECTIONS = 16
_PATHS = 50
_SECONDS = 5.0
_WARM_S = 1.0
_OURS, _THEIRS, _MENDED = "ours", "django-helpdesk", "django-helpdesk, mended"


@dataclass(frozen=True, slots=True)
class Side:
    """Who is asked, and for what."""

    name: str
    plan: Plan
    pid: int
    url: str
    """Of its database."""

    @property
    def database(self) -> str:
        """Its name."""
        return urlsplit(self.url).path[1:]


@dataclass(slots=True)
class Peers:
    """The measuring of both figures."""

    bed: Bed
    say: Say
    outcomes: dict[tuple[str, int, str], list[Outcome]] = field(default_factory=dict)
    """By figure, size and side."""
    faults: list[str] = field(default_factory=list)
    _firsts: Iterator[int] = field(default_factory=lambda: count(1, 10**6))
    """No two turns post the same: an answer given again costs nothing."""

    async def turn(self, kind: str, size: int, side: Side) -> None:
        """Warm a side up, let PostgreSQL know how large its tables are, then measure it."""
        await load.run(self._posting(replace(side.plan, seconds=_WARM_S)), {}, self.bed.folder)
        await self._analyze(side)
        before = await backends.cpu_of(self.bed.shop_database, side.database)
        there = await self._tickets(side)
        outcome = await load.run(self._posting(side.plan), {"server": side.pid}, self.bed.folder)
        spent = backends.since(before, await backends.cpu_of(self.bed.shop_database, side.database))
        outcome = replace(outcome, cpu={**outcome.cpu, "postgres": spent})
        made, wanted = await self._tickets(side) - there, 0 if side.plan.post is None else outcome.requests
        self.faults += [f"{side.name} at {size}: {made} tickets made, not {wanted}"] * (made != wanted)
        self.outcomes.setdefault((kind, size, side.name), []).append(outcome)
        self.faults += [f"{side.name} at {size}: {times} x {fault}" for fault, times in outcome.faults.items()]
        self.say(f"{kind} at {size} {side.name:23}: {_told([outcome])} (load {load_average():.1f})")

    async def _analyze(self, side: Side) -> None:
        if side.name != _OURS:  # whose role owns its tables
            await numbers(side.url, "ANALYZE")
            return
        async with self.bed.owner.connection() as connection:
            await connection.execute("ANALYZE")

    async def _tickets(self, side: Side) -> int:
        table = "support_tickets" if side.name == _OURS else "helpdesk_ticket"
        return (await numbers(side.url, f"SELECT count(*) AS made FROM {table}"))["made"]  # noqa: S608 - one of two

    def _posting(self, plan: Plan) -> Plan:
        return plan if plan.post is None else replace(plan, post=replace(plan.post, first=next(self._firsts)))

    def figure(self, kind: str) -> Figure:
        """The worst condition's median."""
        if self.faults:
            return results.failed("; ".join(self.faults[:5]), unit=UNIT)
        conditions, told = {}, []
        for (asked, size, side), taken in self.outcomes.items():
            if asked == kind:
                told.append(f"{side} at {size}: {_told(taken)}")
            if asked == kind and side != _OURS:
                ours = self.outcomes[kind, size, _OURS]
                conditions[f"{side} at {size}"] = [
                    mine.per_cpu_second / its.per_cpu_second for mine, its in zip(ours, taken, strict=True)
                ]
        note = (
            f"{'; '.join(told)}. CPU time of the server's processes and of PostgreSQL's for its database. A ticket has "
            f"{MESSAGES} follow-ups, a case as many messages, of {len(create.DESCRIPTION)} characters. Mended: without its loop "
            f"over all tickets before each read. {_CONNECTIONS} connections."
        )
        return results.lowest_condition(conditions, unit=UNIT, note=note)


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all on one PostgreSQL."""
    async with service_bed(["order-0"], people=1) as bed:
        await asyncio.to_thread(bed.programs["worker"].end)
        peers = Peers(bed, say)
        for size in SIZES:
            await many_cases.fill(bed.owner, size, messages=MESSAGES, text=create.DESCRIPTION)
            async with (
                helpdesk.running(bed, size, MESSAGES, create.DESCRIPTION) as peer,
                create.relay(bed.settings["DATABASE_URL"]),
            ):
                reading, creating = [*await _readers(bed), *await _their_readers(bed, peer)], _creators(bed, peer, size)
                for kind, sides in (("peer_read", reading), ("peer_create", creating)):
                    for _ in range(scale.rounds if kind in names else 0):
                        for side in sides:
                            await peers.turn(kind, size, side)
        return {name: peers.figure(name) for name in names}


async def _readers(bed: Bed) -> list[Side]:
    async with bed.owner.connection() as connection:
        rows = await connection.fetch(
            "SELECT ticket_id FROM support_tickets WHERE team = $1 AND reference LIKE 'M-%' LIMIT $2",
            many_cases.TEAMS[0],
            _PATHS,
        )
    token = bed.token("bench-reader", "AGENT", teams=many_cases.TEAMS[:2])
    paths = [f"/support/cases/{row['ticket_id']}" for row in rows]
    return [
        Side(
            _OURS, await _plan(bed, bed.address, paths, token, "Bearer"), bed.roots["api"], bed.settings["DATABASE_URL"]
        )
    ]


async def _their_readers(bed: Bed, peer: Helpdesk) -> list[Side]:
    chosen = peer.tickets[:: len(peer.tickets) // _PATHS]
    mended = await _plan(bed, peer.address, [f"/mended/tickets/{ticket}/" for ticket in chosen], peer.token, "Token")
    # As it is, each read takes seconds: two at a time, and as many as are begun in a second.
    paths = [f"/api/tickets/{ticket}/" for ticket in chosen]
    released = replace(mended, paths=paths, connections=helpdesk.WORKERS, seconds=1.0, patience_s=120.0)
    return [
        Side(_MENDED, mended, peer.pid, peer.url),
        Side(_THEIRS, released, peer.pid, peer.url),
    ]


async def _plan(bed: Bed, address: str, paths: Sequence[str], token: str, scheme: str) -> Plan:
    """Reads of these paths, each of which must answer again what it answers now."""
    expected = []
    for path in paths:
        headers = {"authorization": f"{scheme} {token}", "accept": "application/json"}
        async with bed.session.get(f"http://{address}{path}", headers=headers) as answer:
            text = await answer.text()
        if answer.status != 200 or text.count(create.DESCRIPTION.strip()) < MESSAGES:  # noqa: PLR2004 - what HTTP calls a success
            raise RuntimeError(f"{path}: {answer.status} {text[:500]}")
        expected.append(Expected(text, whole=True))
    return Plan(address, _CONNECTIONS, _SECONDS, paths, [token], expected, exponent=0.0, scheme=scheme)


def _creators(bed: Bed, peer: Helpdesk, size: int) -> list[Side]:
    post = Post(create.body(f"{size}-{{n}}"))
    ours = Plan(
        bed.address,
        _CONNECTIONS,
        _SECONDS,
        ["/support/cases"],
        [bed.token("bench-storefront", "SERVICE")],
        [],
        post=post,
    )
    text = create.DESCRIPTION.strip()
    asked = f'{{"queue": {peer.queue}, "title": "Where is {{n}}?", "description": "{text}", "priority": 3}}'
    theirs = replace(
        ours, address=peer.address, paths=["/api/tickets/"], tokens=[peer.token], scheme="Token", post=Post(asked)
    )
    return [
        Side(_OURS, ours, bed.roots["api"], bed.settings["DATABASE_URL"]),
        Side(_THEIRS, theirs, peer.pid, peer.url),
    ]


def _told(outcomes: Sequence[Outcome]) -> str:
    parts = " + ".join(
        f"{name} {median(one.cpu[name] / one.requests for one in outcomes) * 1e6:.0f}" for name in outcomes[0].cpu
    )
    return (
        f"{median(one.per_cpu_second for one in outcomes):.1f} a CPU second, microseconds: {parts}, "
        f"p50 {median(one.p50_ms for one in outcomes):.0f} ms"
    )
