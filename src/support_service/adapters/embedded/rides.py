"""Rides within one process: for the processes of a test, which share one event loop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from support_service.kit.clock import Clock
from support_service.ports.rides import Passenger, Seat

_ANNOUNCED_S = 1.0
_ANSWER_KEPT_S = 5.0


@dataclass(slots=True)
class _Lead:
    token: str
    room: int
    void_at: float
    passengers: list[Passenger] = field(default_factory=list)


@dataclass(slots=True)
class _Road:
    """What all who share it know."""

    clock: Clock
    numbers: "count[int]" = field(default_factory=count)
    coming: dict[int, float] = field(default_factory=dict)
    lead: _Lead | None = None
    answers: dict[str, tuple[bytes, float]] = field(default_factory=dict)


class EmbeddedRides:
    """Fulfils `ports.rides.Rides`."""

    def __init__(self, clock: Clock) -> None:
        """A road of one's own; others come `beside`."""
        self._road = _Road(clock)
        self._process = next(self._road.numbers)

    def beside(self) -> "EmbeddedRides":
        """Another process on the same road."""
        other = EmbeddedRides(self._road.clock)
        other._road, other._process = self._road, next(self._road.numbers)
        return other

    async def announce(self) -> None:
        """Say that a crowd is gathering here."""
        self._road.coming[self._process] = self._road.clock.monotonic() + _ANNOUNCED_S

    async def board(self, ids: Sequence[str], *, most_ids: int, lead_s: float) -> Seat | None:
        """Ride with whoever leads and has room, or lead."""
        road, now = self._road, self._road.clock.monotonic()
        road.coming.pop(self._process, None)
        token = f"seat-{next(road.numbers)}"
        if road.lead is None or road.lead.void_at <= now:
            road.lead = _Lead(token, most_ids - len(ids), now + lead_s)
            return Seat(token, leads=True)
        if road.lead.room < len(ids):
            return None
        road.lead.room -= len(ids)
        road.lead.passengers.append(Passenger(token, list(ids)))
        return Seat(token, leads=False)

    async def depart(self, token: str, *, now: bool) -> Sequence[Passenger] | None:
        """Let nobody board any more, and say who rides along."""
        lead, moment = self._road.lead, self._road.clock.monotonic()
        if lead is None or lead.token != token or lead.void_at <= moment:
            return []
        if not now and lead.room > 0 and any(until > moment for until in self._road.coming.values()):
            return None
        self._road.lead = None
        return lead.passengers

    async def deliver(self, token: str, answer: bytes) -> None:
        """Leave a passenger's answer."""
        self._road.answers[token] = answer, self._road.clock.monotonic() + _ANSWER_KEPT_S

    async def collect(self, token: str) -> bytes | None:
        """A passenger's answer."""
        answer, until = self._road.answers.pop(token, (None, 0.0))
        return answer if until > self._road.clock.monotonic() else None
