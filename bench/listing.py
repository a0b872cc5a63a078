"""`list_page1_ms`, `list_page1000_ms`: how long an agent of two teams waits for a page of the unfinished cases, of a million."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import quote

from bench import load, many_cases, results
from bench.bed import Bed, service_bed
from bench.cpu import load_average
from bench.load import Expected, Outcome, Plan
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say

NAMES = ("list_page1_ms", "list_page1000_ms")
UNIT = "ms"
CASES = 1_000_000
_DEEP = 1_000
_SHOWN = 25
_UNFINISHED = "status=OPEN&status=PENDING&status=ON_HOLD"
_DEFAULT = f"limit={_SHOWN}&{_UNFINISHED}"
"""What the agents' page asks for at first."""
_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class List:
    """A page that somebody asks for."""

    name: str
    token: str
    query: str
    body: str


@dataclass(slots=True)
class Reading:
    """What has been measured of each list."""

    lists: Sequence[List]
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure these figures, all on one service."""
    async with service_bed(["order-0"], people=1) as bed:
        say(f"storing {CASES:,} cases")
        await many_cases.fill(bed.owner, CASES)
        reading = Reading(await _lists(bed))
        for number in range(1, scale.rounds + 1):
            for one in reading.lists:
                outcome = await _turn(bed, one, number)
                reading.outcomes.setdefault(one.name, []).append(outcome)
                reading.faults += [f"{one.name}: {times} x {fault}" for fault, times in outcome.faults.items()]
                say(f"round {number} {one.name:34}: p50 {outcome.p50_ms:.2f} ms, p99 {outcome.p99_ms:.1f} ms")
        return {name: figure(name, reading) for name in names}


async def _lists(bed: Bed) -> list[List]:
    """The first page and the 1,000th, reached by the cursors of those before it; and what might be slow."""
    agent = _agent(bed, many_cases.TEAMS[:2])
    client = (await bed.ask("GET", f"/support/cases?limit=1&{_UNFINISHED}", agent))["items"][0]["opened_by"]
    async with (
        bed.owner.transaction() as tx
    ):  # the client that opened half of all cases gets an identity to sign in with
        identity = await tx.fetchrow("SELECT issuer FROM support_agents WHERE subject = 'bench-agent-0000'")
        await tx.execute(
            "UPDATE support_agents SET issuer = $1, subject = 'opener' WHERE agent_id = $2",
            identity["issuer"] if identity else "",
            client,
        )
        await tx.execute(
            "UPDATE support_tickets SET status = 'CLOSED' WHERE status = 'ON_HOLD' AND opened_by = $1", client
        )
    asked = {
        "page 1": (agent, _DEFAULT),
        f"page {_DEEP}": (agent, await _cursor(bed, agent)),
        "page 1 of 100": (agent, f"limit=100&{_UNFINISHED}"),
        "teams without a case": (_agent(bed, ["quiet", "silent"]), _DEFAULT),
        "all teams, on hold": (bed.token("bench-supervisor", "SUPERVISOR"), f"limit={_SHOWN}&status=ON_HOLD"),
        "a client's, of which none is on hold": (bed.token("opener", "SERVICE"), f"limit={_SHOWN}&status=ON_HOLD"),
    }
    lists = []
    for name, (token, query) in asked.items():
        headers = {"authorization": f"Bearer {token}"}
        async with bed.session.get(f"{bed.url}/support/cases?{query}", headers=headers) as answer:
            lists.append(List(name, token, query, await answer.text()))
    return lists


def _agent(bed: Bed, teams: Sequence[str]) -> str:
    return bed.token(f"bench-{'-'.join(teams)}", "AGENT", teams=teams)


async def _cursor(bed: Bed, token: str) -> str:
    query = _DEFAULT
    for _ in range(1, _DEEP):
        page = await bed.ask("GET", f"/support/cases?{query}", token)
        query = f"{_DEFAULT}&cursor={quote(page['next_cursor'])}"
    return query


async def _turn(bed: Bed, one: List, number: int) -> Outcome:
    path = f"/support/cases?{one.query}"
    plan = Plan(bed.address, 1, _SECONDS, [path], [one.token], [Expected(one.body, whole=True)], seed=number)
    return await load.run(plan, bed.roots, bed.folder)


def figure(name: str, reading: Reading) -> Figure:
    """The median of the rounds' medians; all other lists are told in the note."""
    faults = reading.faults + [
        f"{one.name} shows {_shown(one)} cases" for one in reading.lists[:2] if _shown(one) != _SHOWN
    ]
    if faults:
        return results.failed("; ".join(faults[:5]), unit=UNIT)
    wanted = "page 1" if name == "list_page1_ms" else f"page {_DEEP}"
    medians = {listed: [one.p50_ms for one in outcomes] for listed, outcomes in reading.outcomes.items()}
    told = "; ".join(
        f"{listed}: {median(found):.2f} ms, p99 {median(one.p99_ms for one in reading.outcomes[listed]):.1f} ms"
        for listed, found in medians.items()
    )
    note = (
        f"Medians: {told}. {CASES:,} cases of {len(many_cases.TEAMS)} teams, one in ten unfinished; an agent of the two largest, "
        f"{_SHOWN} a page, asked one after the other on one connection; page {_DEEP} was reached by its cursors. "
        f"Load {load_average():.1f}."
    )
    return results.median_of(medians[wanted], unit=UNIT, note=note)


def _shown(one: List) -> int:
    return len(json.loads(one.body)["items"])
