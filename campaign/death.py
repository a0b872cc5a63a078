"""A process that dies by `kill -9` at a point that is named: `CAMPAIGN_KILL=<point>:<n>`, at its n-th coming there.

The points are laid around what the product does, which knows nothing of them.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from bench.processes import Program

from support_service.kit.database import Database, Tx

KILL = "CAMPAIGN_KILL"
_part: ContextVar[str | None] = ContextVar("part", default=None)
"""Whose transaction is under way in this task."""


class Death:
    """Waits at one point."""

    def __init__(self, order: str, *, with_parent: bool = False) -> None:
        """Die at `<point>:<n>`, never when it is empty; together with the process that would start this one anew if wanted."""
        self._point, _, times = order.partition(":")
        self._left = int(times or 0)
        self._with_parent = with_parent

    @classmethod
    def ordered(cls, *, with_parent: bool = False) -> "Death":
        """The one that the environment orders."""
        return cls(os.environ.get(KILL, ""), with_parent=with_parent)

    def at(self, point: str | None) -> None:
        """This point is reached."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                if self._with_parent:
                    os.kill(os.getppid(), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)


def begins(part: str) -> None:
    """What this task does from here on is this part's: its transactions are `<part>.before_commit` and `.after_commit`."""
    _part.set(part)


def under_way(part: str) -> bool:
    """Whether this part is what this task does."""
    return _part.get() == part


def lay_around_transactions(death: Death) -> None:
    """Lay the two points of every part that begins."""
    begin = Database.transaction

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncIterator[Tx]:
        async with begin(self) as tx:
            yield tx
            part = _part.get()
            death.at(part and f"{part}.before_commit")
        death.at(part and f"{part}.after_commit")

    Database.transaction = transaction  # type: ignore[method-assign]


async def died(program: Program, within_s: float) -> bool:
    """Whether it was killed in time.

    Raises:
        RuntimeError: it ended otherwise.
    """
    deadline = time.monotonic() + within_s
    while (status := program.status) is None and time.monotonic() < deadline:  # noqa: ASYNC110 - a process is no event
        await asyncio.sleep(0.05)
    if status not in {None, -signal.SIGKILL}:
        said = program.log.read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{program.name} ended with {status}: {said}")
    return status is not None
