"""What came of a campaign, and what must be true of the event log after any; pure SQL, and no code of the service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support_service.kit.database import Database

LOG: Mapping[str, str] = {
    "rows without a position": "SELECT count(*) FROM event_log WHERE position IS NULL",
    "positions left out": "SELECT coalesce(max(position), 0) - count(DISTINCT position) FROM event_log",
    "cursors behind": "SELECT count(*) FROM log_cursors WHERE position <> (SELECT position FROM log_head)",
    "inversions within a subject": """
        SELECT count(*) FROM (
            SELECT sequence < lag(sequence) OVER (PARTITION BY subject ORDER BY position) AS back FROM event_log
        ) AS steps WHERE back""",
}
"""Counts that must be nought."""


@dataclass(slots=True)
class Verdict:
    """Counts, and what is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def hold(self, what: str, found: int, wanted: int = 0) -> None:
        """A count that must be this one."""
        self.counts[what] = found
        if found != wanted:
            self.wrong.append(f"{what}: {found} instead of {wanted}")


async def hold_all(database: Database, queries: Mapping[str, str], verdict: Verdict) -> None:
    """Hold each of these counts to nought, and tell how long the log is."""
    verdict.counts["rows in the log"] = await number(database, "SELECT count(*) FROM event_log")
    for what, query in queries.items():
        verdict.hold(what, await number(database, query))


async def number(database: Database, query: str) -> int:
    """One number."""
    return int((await rows_of(database, query))[0][0])


async def rows_of(database: Database, query: str) -> list[tuple[Any, ...]]:
    """The rows of an answer; JSON as text, so that they can be counted."""
    async with database.connection() as connection:
        return [tuple(map(_plain, row)) for row in await connection.fetch(query)]


def _plain(value: Any) -> Any:
    return repr(sorted(value.items())) if isinstance(value, dict) else value
