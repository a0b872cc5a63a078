"""Looking many things up in one query: who asks at the same time shares it (elsewhere this is called a data loader).

An answer is never older than its question: whoever asks while a query is under way goes with the next one. Nobody waits
for others to come either: a query sets out once everybody who asks in this turn of the loop has asked, and takes along
who gathered while the ones before it were under way. So one asker alone has a query alone, and a thousand have a few.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from support_service.kit.broadcast import Broadcast

K = TypeVar("K")
V = TypeVar("V")

_AT_ONCE = 2
"""Queries under way: where one hangs, the other goes on."""


class Loader(Generic[K, V]):
    """Gathers askers into queries. Belongs to one event loop."""

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Look up with `load`: it is given keys, each once, and returns what it found, by key."""
        self._load = load
        self._keys: dict[K, None] = {}
        self._found: Broadcast[Mapping[K, V]] | None = None
        self._flights: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """What there is of this key, by a query that begins after now; None when there is nothing.

        Raises:
            Exception: the query failed; everybody who went with it is told.
        """
        if self._found is None:
            self._found = Broadcast()
        self._keys[key] = None
        found = self._found.wait()
        self._take_off()
        return (await found).get(key)

    def _take_off(self) -> None:
        if self._found is not None and len(self._flights) < _AT_ONCE:
            flight = asyncio.create_task(self._fly())
            self._flights.add(flight)
            flight.add_done_callback(self._landed)

    def _landed(self, flight: "asyncio.Task[None]") -> None:
        self._flights.discard(flight)
        self._take_off()

    async def _fly(self) -> None:
        keys, self._keys = self._keys, {}
        found, self._found = self._found, None
        if found is None:
            return  # the other flight took them along
        try:
            answer = await self._load(list(keys))
        except Exception as error:  # noqa: BLE001 - theirs who asked
            found.fail(error)
        except BaseException:
            found.cancel()
            raise
        else:
            found.tell(answer)
