"""One result that many wait for, of whom each may go away alone.

A task under `asyncio.shield` promises the same, at twice the turns of the loop and more for everybody who waits: much,
where a thousand do at once.
"""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """Belongs to one event loop. Whoever begins it has to end it, by one of `tell`, `fail` and `cancel`."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiting: list[asyncio.Future[T]] = []

    def wait(self) -> "asyncio.Future[T]":
        """A future of one's own for the result, which must not be there yet."""
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return waiting

    def tell(self, result: T) -> None:
        """Everybody who still waits gets the result."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(result)

    def fail(self, error: Exception) -> None:
        """Everybody who still waits gets the error."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(error)

    def cancel(self) -> None:
        """There will be no result."""
        for waiting in self._waiting:
            waiting.cancel()
