"""Listening to the stream of the running API, as an EventSource does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from support.service import Person, RunningService, eventually
from support_service.kit import eventlog


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it came."""

    position: int
    name: str
    data: dict[str, Any]


class StreamGone(AssertionError):  # noqa: N818 - a test that does not expect it fails by it
    """The stream was refused, or has ended."""


class Listening:
    """A stream that is open."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, within_s: float = 5.0) -> Event:
        """The next event."""
        told: dict[str, str] = {}
        async with asyncio.timeout(within_s):
            while True:
                line = (await self._answer.content.readline()).decode()
                if not line:
                    raise StreamGone
                if line == "\n" and "event" in told:
                    return Event(int(told["id"]), told["event"], json.loads(told["data"]))
                name, _, value = line.rstrip("\n").partition(": ")
                told[name] = value

    async def nothing(self, for_s: float = 0.6) -> bool:
        """Whether no event comes."""
        try:
            await self.next(for_s)
        except TimeoutError:
            return True
        return False

    async def ended(self, within_s: float = 5.0) -> bool:
        """Whether the stream ends, without anything more."""
        async with asyncio.timeout(within_s):
            rest = await self._answer.content.read()
        return b"event:" not in rest


@contextlib.asynccontextmanager
async def listening(person: Person, after: int | str | None = None) -> AsyncIterator[Listening]:
    """A stream of this person's, from the event after a position or from now on."""
    headers = {"authorization": f"Bearer {person.token}", "accept": "text/event-stream"}
    headers |= {} if after is None else {"last-event-id": str(after)}
    timeout = aiohttp.ClientTimeout(total=None)
    async with person.session.get(f"{person.url}/support/stream", headers=headers, timeout=timeout) as answer:
        if answer.status != 200:
            raise StreamGone(await answer.text())
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (await answer.content.readline()).startswith(b"retry: ")
        yield Listening(answer)


async def all_told(service: RunningService) -> None:
    """Wait until everything that was committed has its place in the log: a stream that opens then begins after it."""

    async def stamped() -> bool:
        async with service.api.database.connection() as connection:
            return (await eventlog.unstamped(connection))[0] == 0

    await eventually(stamped)
