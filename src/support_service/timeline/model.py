"""How one timeline is put together from what the sources said, what came by event and what is stored: pure rules.

Each source stands alone. What a source answered now is `ok`. If it did not answer, the newer of the last timeline
shown and the stored context is served, marked `stale` with the time it was whole; facts that came by event are laid
over either, and on their own they are `stale` from `events`. A source of which nothing is known is `unavailable`,
which is never to be read as "there are none".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from support_service.context import StoredSource
from support_service.directory import Profile
from support_service.sources import Fact, Fetched, SourceState, may_see, owners_told

DEFAULT_LIMIT = 100


SCHEMA = 1
"""Part of every page's name: raised when a body's shape changes, so that no release serves another's bodies."""


@dataclass(frozen=True)  # without slots, for what is worked out once
class CaseKey:
    """What a timeline is about: a customer, and one order or (None) the customer's newest ones."""

    customer_id: str
    order_id: str | None

    @cached_property
    def pages(self) -> Mapping[Profile, str]:
        """The names that the first page is cached under, by what its reader may see."""
        return {profile: f"tl:{{{self.customer_id}}}:{self.order_id or '-'}:{profile}:{SCHEMA}" for profile in Profile}

    @cached_property
    def floor(self) -> str:
        """The key of the customer's floor."""
        return floor_key(self.customer_id)


def floor_key(customer_id: str) -> str:
    """The key of a customer's floor; the braces put it into the slot of the customer's timelines."""
    return f"floor:{{{customer_id}}}"


@dataclass(frozen=True, slots=True)
class Assembled:
    """Every fact of a timeline, once each, and how each source stands."""

    facts: tuple[Fact, ...]
    states: tuple[SourceState, ...]

    @property
    def whole(self) -> bool:
        """Whether every source answered now."""
        return all(state.status == "ok" for state in self.states)


def assemble(
    fetched: Fetched,
    came: Sequence[tuple[Fact, datetime]],
    fallbacks: Sequence[Mapping[str, StoredSource]],
    customer_id: str,
) -> Assembled:
    """One timeline.

    Args:
        fetched: what lake and services said, and how each source stands.
        came: facts that came by event, with the time each came.
        fallbacks: what is known of a source from before; of several the one that was whole last is taken.
        customer_id: whose timeline this is; what is known to be another customer's is left out.
    """
    facts = {fact.entry_id: fact for fact, _ in came}  # what a source says itself is laid over what came
    facts |= {fact.entry_id: fact for fact in fetched.facts}
    states: list[SourceState] = []
    for source, state in fetched.states.items():
        if state.status == "ok":
            states.append(state)
            continue
        stored = _newest(fallback[source] for fallback in fallbacks if source in fallback)
        states.append(_fallen_back(state, stored, [at for fact, at in came if fact.source == source]))
        facts |= {} if stored is None else {fact.entry_id: fact for fact in stored.facts}
    owners = owners_told(facts.values())
    mine = tuple(fact for fact in facts.values() if may_see(customer_id, fact, owners))
    return Assembled(mine, tuple(states))


def _newest(stored: Iterable[StoredSource]) -> StoredSource | None:
    heard = [(candidate.as_of, candidate) for candidate in stored if candidate.as_of is not None]
    return max(heard, key=lambda pair: pair[0], default=(None, None))[1]


def _fallen_back(state: SourceState, stored: StoredSource | None, came: Sequence[datetime]) -> SourceState:
    if stored is not None:
        return state._replace(status="stale", served_from="context", as_of=stored.as_of)
    if came:
        return state._replace(status="stale", served_from="events", as_of=max(came))
    return state._replace(status="unavailable", served_from="none", as_of=None)
