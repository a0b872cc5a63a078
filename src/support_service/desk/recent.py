"""What this process remembers of cases lately read: enough to know who may see one, and its body while it is current.

Two kinds of memory. The access facts of a case are trusted while this process hears of every change (at most 300 ms
late); any event of a case forgets them. A body is trusted only by its version and its count of reports, which the caller has just read.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from support_service.cases import CaseFacts
from support_service.directory import Profile
from support_service.timeline import CaseKey

_MOST_CASES = 20_000
_MOST_BODIES = 4_000
_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True)  # without slots, for what is worked out once
class Known:
    """What decides who sees a case, and what its timeline is about."""

    facts: CaseFacts

    @cached_property
    def key(self) -> CaseKey:
        """What its timeline is about."""
        return CaseKey(self.facts.customer_id, self.facts.order_id)


@dataclass(frozen=True)
class Body(Known):
    """A case and its conversation as ready bytes, as they were shown at some moment."""

    content: bytes


class RecentCases:
    """The cases read lately by this process, bounded; belongs to one event loop."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._known: OrderedDict[UUID, Known] = OrderedDict()
        self._reading: dict[UUID, object] = {}
        self._bodies: OrderedDict[tuple[UUID, Profile], Body] = OrderedDict()

    def known(self, ticket_id: UUID) -> Known | None:
        """The access facts of a case, if no event has touched it since they were read."""
        return self._known.get(ticket_id)

    @contextmanager
    def reading(self, ticket_id: UUID) -> Iterator[Callable[[CaseFacts], None]]:
        """Around the reading of a case's facts; the function it gives remembers them.

        Unless an event touched the case meanwhile: then they may be from before it.
        """
        token = object()
        self._reading[ticket_id] = token

        def keep(facts: CaseFacts) -> None:
            if self._reading.get(ticket_id) is token:
                _put(self._known, ticket_id, Known(facts), _MOST_CASES)

        try:
            yield keep
        finally:
            if self._reading.get(ticket_id) is token:
                del self._reading[ticket_id]

    def forget(self, subject: str) -> None:
        """An event touched this case: what is remembered of it, or being read, may be outdated."""
        try:
            ticket_id = UUID(subject)
        except ValueError:
            return
        self._reading.pop(ticket_id, None)
        self._known.pop(ticket_id, None)

    def has_body(self, ticket_id: UUID, profile: Profile) -> bool:
        """Whether there is a body of a case at all, of whatever version."""
        return (ticket_id, profile) in self._bodies

    def body(self, ticket_id: UUID, profile: Profile, shown: tuple[int, int]) -> Body | None:
        """The body of a case, if it shows what `CaseFacts.shown` says is current."""
        body = self._bodies.get((ticket_id, profile))
        return body if body is not None and body.facts.shown == shown else None

    def keep_body(self, profile: Profile, body: Body) -> None:
        """Remember a body, unless a newer one is."""
        known = self._bodies.get((body.facts.ticket_id, profile))
        if known is None or known.facts.shown < body.facts.shown:
            _put(self._bodies, (body.facts.ticket_id, profile), body, _MOST_BODIES)


def _put(kept: "OrderedDict[_K, _V]", key: _K, value: _V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
