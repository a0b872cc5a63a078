"""Rides that processes give each other in their queries of the lake, when crowds come to several of them at once.

A federated query costs about the same for one order as for hundreds. So one process leads, and asks for the orders of
the others along with its own; they ride, and find their part of its answer. What holds this together may be away, which
is never an error and never takes long: everybody then asks alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Passenger:
    """Whose ids ride along: the token by which they collect their answer."""

    token: str
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seat:
    """What one who boards is to do: lead, or ride; and the token of their flight or of their ride."""

    token: str
    leads: bool


class Rides(Protocol):
    """What `sources` needs to share queries between processes."""

    async def announce(self) -> None:
        """Say that a crowd is gathering here, which will board within a second: whoever leads may wait for it."""

    async def board(self, ids: Sequence[str], *, most_ids: int, lead_s: float) -> Seat | None:
        """Ride with whoever leads and has room, or lead; None when everybody is to ask alone.

        What was announced is over with this.

        Args:
            ids: to be asked for.
            most_ids: that one query may ask for, those of its passengers included.
            lead_s: seconds after which a lead that never departed is void.
        """

    async def depart(self, token: str, *, now: bool) -> Sequence[Passenger] | None:
        """Let nobody board any more, and say who rides along; None while others have announced themselves, unless `now`.

        Who leads no longer, as it took too long, has no passengers.
        """

    async def deliver(self, token: str, answer: bytes) -> None:
        """Leave a passenger's answer for some seconds."""

    async def collect(self, token: str) -> bytes | None:
        """A passenger's answer; None while there is none."""
