"""Reading for many at once: who asks while a read is under way goes together with everybody else who does."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MOST_KEYS = 500


class Batcher(Generic[K, V]):
    """Looks keys up in shared reads, one at a time. Belongs to one event loop.

    A read begins after everybody it is for has asked, so each is told what stood at or after the moment of asking.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Look up with `read`: distinct keys in (500 at most), what is found of them out."""
        self._read = read
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What stands under a key now; None when nothing does.

        Raises:
            Exception: whatever the read raised, to everybody it was for.
        """
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        return await answer

    async def close(self) -> None:
        """Give up the read under way, and whoever waits for it."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_all(self) -> None:
        batch: dict[K, list[asyncio.Future[V | None]]] = {}
        try:
            while self._waiting:
                keys = list(self._waiting)[:_MOST_KEYS]
                batch = {key: self._waiting.pop(key) for key in keys}
                try:
                    found = await self._read(keys)
                except Exception as error:  # noqa: BLE001 - it is raised where it was asked
                    _tell(batch, error)
                else:
                    _tell(batch, found)
        finally:
            self._reading = None
            for answers in (*batch.values(), *self._waiting.values()):
                for answer in answers:
                    answer.cancel()  # without effect on those that were told
            self._waiting.clear()


def _tell(batch: Mapping[K, Sequence["asyncio.Future[V | None]"]], told: Mapping[K, V] | Exception) -> None:
    for key, answers in batch.items():
        for answer in answers:
            if answer.done():
                continue  # whoever asked has gone away
            if isinstance(told, Exception):
                answer.set_exception(told)
            else:
                answer.set_result(told.get(key))
