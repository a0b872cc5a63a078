"""Counts the access rows against the requests that were answered: none may be missing, none too many, none twice."""

import asyncio
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from bench.bed import Bed
from bench.load import Outcome

Look = tuple[int, int, int]
"""(agent, case, Unix minute)."""

_ROWS_WITHIN_S = 15.0
_POLL_S = 0.5
_COUNT = """
    SELECT count(*) FROM support_agent_activity WHERE action = 'case.viewed' AND agent_id = ANY($1::uuid[])
"""
_ROWS = """
    SELECT agent_id::text, ticket_id::text, (extract(epoch FROM minute) / 60)::bigint
    FROM support_agent_activity WHERE action = 'case.viewed' AND agent_id = ANY($1::uuid[])
"""


class Audit:
    """The looks of all runs so far on one service: two runs may fall into one minute, which has one row for both."""

    def __init__(self, bed: Bed) -> None:
        """Nobody has looked yet."""
        self._bed = bed
        self._agents = [person.agent_id for person in bed.people]
        self._looks: set[Look] = set()
        self._perhaps: set[Look] = set()
        self._refused: set[Look] = set()

    async def complete(self, outcome: Outcome) -> None:
        """Add a run, and wait until there are as many rows as there have to be, but not for ever."""
        self._looks |= outcome.looks
        self._perhaps |= outcome.perhaps
        self._refused |= outcome.refused
        deadline = time.monotonic() + _ROWS_WITHIN_S
        while await self._bed.count(_COUNT, self._agents) < len(self._looks) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(_POLL_S)

    async def faults(self) -> list[str]:
        """What is wrong with the rows, compared with the looks of all runs."""
        people = {agent_id: index for index, agent_id in enumerate(self._agents)}
        cases = {case.ticket_id: index for index, case in enumerate(self._bed.cases)}
        async with self._bed.owner.connection() as connection:
            rows = [
                (people[agent], cases[ticket], int(minute))
                for agent, ticket, minute in map(tuple, await connection.fetch(_ROWS, self._agents))
            ]
        return faults_of(rows, self._looks, self._perhaps, self._refused)


def faults_of(
    rows: Sequence[Look],
    looks: AbstractSet[Look],
    perhaps: AbstractSet[Look] = frozenset(),
    refused: AbstractSet[Look] = frozenset(),
) -> list[str]:
    """What is wrong with access rows, compared with the requests.

    Args:
        rows: all of them.
        looks: of the requests.
        perhaps: of the requests that were answered in the minute after they were sent: one of the two is right.
        refused: of the requests without success, which may have a row, in either minute, or none.
    """
    found = set(rows)
    either = {(agent, case, later) for agent, case, minute in perhaps | refused for later in (minute, minute + 1)}
    unseen = {look for look in perhaps if look not in found and (look[0], look[1], look[2] + 1) not in found}
    faults = {
        "looks without an access row": len(looks - found) + len(unseen),
        "access rows without a look": len(found - looks - either),
        "access rows twice": len(rows) - len(found),
    }
    return [f"{count} {fault}" for fault, count in faults.items() if count]
