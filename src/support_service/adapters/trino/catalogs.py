"""Which source's catalog is away.

An error of a query over five catalogs does not say which one it met (`JDBC_ERROR` carries no name, and a silent catalog is
only a passed deadline). So after such an error every source is asked for nothing, each by itself: when some answer and
some do not, the latter are to blame, and are watched until they answer again; nobody's query waits for them meanwhile.
When none answers it is the lake itself, and nobody is blamed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from support_service.adapters.trino import metrics
from support_service.adapters.trino.errors import TrinoError
from support_service.kit import logs

WATCH_S = 5.0
"""Seconds between two looks at a catalog that is away."""

_log = logs.get_logger(__name__)


class Catalogs:
    """What is known of each source's catalog. Belongs to one event loop."""

    def __init__(
        self, probe: Callable[[str], Awaitable[None]], sources: Sequence[str], *, watch_s: float = WATCH_S
    ) -> None:
        """Take all for well.

        Args:
            probe: asks one source for nothing, within a deadline of its own; raises TrinoError.
            sources: all of them.
            watch_s: seconds between two looks at one that is away.
        """
        self._probe = probe
        self._sources = tuple(sources)
        self._watch_s = watch_s
        self._away: set[str] = set()
        self._looking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    def away_among(self, asked: Collection[str]) -> str | None:
        """The first of these sources that is known to be away."""
        return next((source for source in self._sources if source in asked and source in self._away), None)

    def look(self) -> "asyncio.Task[None]":
        """Find out who is away, once for all who want to know; done when it is known."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(self._sources))
        return self._looking

    async def close(self) -> None:
        """Stop looking."""
        tasks = [task for task in (self._looking, self._watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, sources: Iterable[str]) -> None:
        names = list(sources)
        answered = dict(zip(names, await asyncio.gather(*map(self._answers, names)), strict=True))
        silent = {name for name, answers in answered.items() if not answers}
        self._away -= answered.keys() - silent
        if silent != set(self._sources):
            for name in silent - self._away:
                metrics.SICK_CATALOGS.labels(name).inc()
                _log.warning("trino.catalog_away", source=name)
            self._away |= silent
        if self._away and (self._watching is None or self._watching.done()):
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while self._away:
            await asyncio.sleep(self._watch_s)
            await self._look(tuple(self._away))

    async def _answers(self, source: str) -> bool:
        try:
            await self._probe(source)
        except TrinoError:
            return False
        return True
