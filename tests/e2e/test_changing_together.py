"""Many agents change one case at once: what was acknowledged is never lost, and every change is on record."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from support.api import CASES, agent_id, patch, rows
from support.service import Person, RunningService

AGENTS, CHANGES = 20, 10
LONGEST_PAUSE_S = 0.25
RANDOM = Random(7)


async def change(person: Person, ticket_id: str, made_of: Callable[[Any], dict[str, object]]) -> int:
    """Change a case by what it is, reading it anew whenever somebody was faster; returns the version it made."""
    while True:
        case = await person.get(f"{CASES}/{ticket_id}")
        answer = await patch(person, ticket_id, case["version"], **made_of(case))
        if answer.status == 200:
            return int(answer.body["version"])
        assert answer.status == 412, answer
        await asyncio.sleep(RANDOM.uniform(0, LONGEST_PAUSE_S))  # as a client does that wants to get through


def always(value: object) -> Callable[[Any], object]:
    """What does not depend on the case."""
    return lambda _: value


@dataclass(slots=True)
class Together:
    """Agents who change one case, and what was acknowledged to them: version, field and agent."""

    people: Sequence[Person]
    ids: Sequence[str]
    ticket_id: str
    acknowledged: list[tuple[int, str, str]] = field(default_factory=list)
    last: dict[str, tuple[int, object]] = field(default_factory=dict)

    async def work(self, number: int) -> None:
        # One change is made of what was read, and would undo others if it were made of what is no longer so.
        own = Random(number).randrange(CHANGES)
        for turn in range(CHANGES):
            if turn == own:
                await self.change(number, "tags", lambda case: [*case["tags"], f"t-{number}"])
                continue
            name = Random(100 * number + turn).choice(["subject", "category", "order_id"])
            value = f"v-{number}-{turn}"  # which nobody else writes, so that each is a change
            version = await self.change(number, name, always(value))
            self.last[name] = max(self.last.get(name, (0, None)), (version, value))

    async def change(self, number: int, name: str, made_of: Callable[[Any], object]) -> int:
        version = await change(self.people[number], self.ticket_id, lambda case: {name: made_of(case)})
        self.acknowledged.append((version, name, self.ids[number]))
        return version


@pytest.mark.timeout(180)  # some thousands of requests, on a machine that others may use, too
async def test_twenty_agents_with_ten_changes_each_lose_none_of_them(service: RunningService) -> None:
    people = [service.person("AGENT", teams=("orders",)) for _ in range(AGENTS)]
    ids = [await agent_id(person) for person in people]
    together = Together(people, ids, (await people[0].open_case())["ticket_id"])
    await asyncio.gather(*(together.work(number) for number in range(AGENTS)))
    case = await people[0].get(f"{CASES}/{together.ticket_id}")
    assert {name: case[name] for name in together.last} == {name: value for name, (_, value) in together.last.items()}
    assert sorted(case["tags"]) == sorted(f"t-{number}" for number in range(AGENTS))
    versions = list(range(2, AGENTS * CHANGES + 2))
    assert sorted(version for version, *_ in together.acknowledged) == versions
    assert case["version"] == versions[-1]
    written = await rows(
        service,
        "SELECT agent_id::text, detail FROM support_agent_activity WHERE ticket_id = $1 AND action = 'case.changed'",
        together.ticket_id,
    )
    assert Counter((row["agent_id"], *row["detail"]["fields"]) for row in written) == Counter(
        (who, name) for _, name, who in together.acknowledged
    )
    query = "SELECT sequence FROM event_log WHERE subject = $1 AND type = 'support.case.updated' ORDER BY id"
    assert [row["sequence"] for row in await rows(service, query, together.ticket_id)] == versions
