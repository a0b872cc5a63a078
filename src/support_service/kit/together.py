"""Several statements in one trip to the server, each as its slice has it.

What is written by one request to many tables goes as one statement (PostgreSQL's data-modifying WITH), which costs a fraction of
as many trips. The statements see the same state of the database, and of each other only the rows that a named one returns; foreign
keys are checked when all are done.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from support_service.kit.database import Row

_PARAMETER = re.compile(r"\$(\d+)")


class Sends(Protocol):
    """Takes statements: a connection, or what gathers them."""

    async def execute(self, query: str, /, *args: Any) -> str:
        """Take one whose answer nobody needs."""

    async def fetchrow(self, query: str, /, *args: Any) -> Row | None:
        """Take one, and give the first row of its answer."""


class Step(NamedTuple):
    """A statement of several: the name by which those after it read the rows it returns, its text, how many parameters it has."""

    name: str
    query: str
    parameters: int


class Together:
    """Gathers statements, and sends them with the first one whose answer is needed, or when told to."""

    def __init__(self, tx: Sends) -> None:
        """Nothing is gathered yet; `tx` is the caller's transaction, or a connection: one statement is a transaction too."""
        self._tx = tx
        self._steps: list[Step] = []
        self._values: list[Any] = []

    async def execute(self, query: str, /, *args: Any) -> str:
        """Gather one: it is sent by `fetchrow` or `send`, and says nothing of what it did."""
        self.keep(f"together_{len(self._steps)}", query, *args)
        return ""

    def keep(self, name: str, query: str, /, *args: Any) -> None:
        """Gather one that says RETURNING: those that are sent after it, in the same trip, read its rows by this name."""
        self._steps.append(Step(name, query, len(args)))
        self._values += args

    async def send(self) -> None:
        """Send all that were gathered."""
        if self._steps:
            text, values = joined(tuple(self._steps[:-1]), self._steps[-1].query), self._values
            self._steps, self._values = [], []
            await self._tx.execute(text, *values)

    async def fetchrow(self, query: str, /, *args: Any) -> Row | None:
        """Send one with all that were gathered, and give the first row of its own answer."""
        text = joined(tuple(self._steps), query)
        values = (*self._values, *args)
        self._steps, self._values = [], []
        return await self._tx.fetchrow(text, *values)


@lru_cache(maxsize=256)
def joined(steps: tuple[Step, ...], last: str) -> str:
    """One statement of several: INSERT, UPDATE or DELETE, and a last one, which answers and may be a SELECT."""
    texts, first = [], 0
    for query, count in (*((step.query, step.parameters) for step in steps), (last, 0)):
        texts.append(_PARAMETER.sub(lambda match, first=first: f"${int(match[1]) + first}", query))  # type: ignore[misc]
        first += count
    gathered = ",\n".join(f"{step.name} AS (\n{text}\n)" for step, text in zip(steps, texts, strict=False))
    return f"WITH {gathered}\n{texts[-1]}" if steps else last
