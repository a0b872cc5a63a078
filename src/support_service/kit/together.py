"""Several statements in one trip to the server, each as its slice has it.

What is written by one request to many tables goes as one statement (PostgreSQL's data-modifying WITH), which costs a fraction of
as many trips. The statements see the same state of the database and nothing of each other; foreign keys are checked when
all are done.
"""

import re
from functools import lru_cache
from typing import Any, Protocol

from support_service.kit.database import Row

_PARAMETER = re.compile(r"\$(\d+)")


class Sends(Protocol):
    """Takes statements: a connection, or what gathers them."""

    async def execute(self, query: str, /, *args: Any) -> str:
        """Take one whose answer nobody needs."""

    async def fetchrow(self, query: str, /, *args: Any) -> Row | None:
        """Take one, and give the first row of its answer."""


class Together:
    """Gathers statements, and sends them with the first one whose answer is needed."""

    def __init__(self, tx: Sends) -> None:
        """Nothing is gathered yet; `tx` is the caller's transaction."""
        self._tx = tx
        self._gathered: list[str] = []
        self._values: list[Any] = []
        self._counts: list[int] = []

    async def execute(self, query: str, /, *args: Any) -> str:
        """Gather one: it is sent by `fetchrow`, and says nothing of what it did."""
        self._gathered.append(query)
        self._counts.append(len(args))
        self._values += args
        return ""

    async def fetchrow(self, query: str, /, *args: Any) -> Row | None:
        """Send one with all that were gathered, and give the first row of its own answer."""
        text = joined((*self._gathered, query), tuple(self._counts))
        values = (*self._values, *args)
        self._gathered, self._values, self._counts = [], [], []
        return await self._tx.fetchrow(text, *values)


@lru_cache(maxsize=256)
def joined(queries: tuple[str, ...], counts: tuple[int, ...]) -> str:
    """One statement of several, of which the last one answers.

    Args:
        queries: INSERT, UPDATE or DELETE; the last one may be a SELECT.
        counts: how many parameters each has that stands before the last.
    """
    texts, first = [], 0
    for query, count in zip(queries, (*counts, 0), strict=True):
        texts.append(_PARAMETER.sub(lambda match, first=first: f"${int(match[1]) + first}", query))  # type: ignore[misc]
        first += count
    *before, last = texts
    gathered = ",\n".join(f"together_{n} AS (\n{text}\n)" for n, text in enumerate(before))
    return f"WITH {gathered}\n{last}" if before else last
