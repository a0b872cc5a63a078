"""Where events go that others follow: a broker that keeps the order of a key."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class OutgoingEvent(NamedTuple):
    """An event as it is sent, in UTF-8: `key` is that whose order is kept, `type` decides where it goes."""

    type: str
    key: str
    value: str
    headers: list[tuple[str, str]]


class PublisherError(Exception):
    """Not all events were taken, or it is not known; sent again they come twice, which their ids show."""


class Publisher(Protocol):
    """What `publishing` needs of a broker."""

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Send events and return once all of them are kept by as many brokers as the topic asks for.

        Those of one key are kept in the order given, also after calls that failed.

        Raises:
            PublisherError: some may not have been taken.
        """

    async def close(self) -> None:
        """Let go of every connection."""
