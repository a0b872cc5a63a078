"""Facts, and how each source stands: the words that every slice above shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

Status = Literal["ok", "stale", "unavailable"]
ServedFrom = Literal["lake", "rest", "events", "context", "none"]


class Fact(NamedTuple):
    """What one version of one entity says; the same whether it came from the lake, from REST or by event.

    `version` counts 1, 2, 3 per entity. `occurred_at` is aware, in UTC. `data` has exactly its source's keys, None for
    what is not known; `data["time_known"]` is False when the time was taken from another fact.
    """

    source: str
    entity_id: str
    customer_id: str | None
    order_id: str
    version: int
    kind: str
    occurred_at: datetime
    data: dict[str, Any]

    @property
    def entry_id(self) -> str:
        """The fact's identity, `source:entity_id:version`."""
        return f"{self.source}:{self.entity_id}:{self.version}"


def kind_of(source: str, data: Mapping[str, Any]) -> str:
    """What a source's fact is called, `source.status`."""
    return f"{source}.{data['status']}"


class ShopEvent(NamedTuple):
    """A shop event as it is stored, column by column: the one fact it tells, by whose identity it is known, and its own id.

    Events sort by their orders, those of one order by their entries.
    """

    order_id: str
    source: str
    entity_id: str
    version: int
    event_id: str
    customer_id: str | None
    occurred_at: datetime
    data: dict[str, Any]

    @classmethod
    def telling(cls, event_id: str, fact: Fact) -> Self:
        """The event of this id that tells this fact."""
        source, entity_id, customer_id, order_id, version, _kind, occurred_at, data = fact
        return cls(order_id, source, entity_id, version, event_id, customer_id, occurred_at, data)

    @property
    def fact(self) -> Fact:
        """The fact it tells."""
        order_id, source, entity_id, version, _event_id, customer_id, occurred_at, data = self
        return Fact(source, entity_id, customer_id, order_id, version, kind_of(source, data), occurred_at, data)


class SourceState(NamedTuple):
    """How one source stands in an answer.

    `as_of` is when the read that is shown began, None when nothing is. `truncated`: there are more facts, or there may
    be, than are shown. `sources` itself says `ok` or `unavailable`, from `lake`, `rest` or `none`; what stands in for a
    source that is away is `timeline`'s.
    """

    source: str
    status: Status
    served_from: ServedFrom
    as_of: datetime | None
    truncated: bool


@dataclass(frozen=True, slots=True)
class FetchKey:
    """Whose truth is wanted: a customer's, about these orders, or (empty) about the newest ones."""

    customer_id: str
    order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the sources said: facts in no order, a state for every source, and the orders they are about."""

    facts: tuple[Fact, ...]
    states: Mapping[str, SourceState]
    order_ids: tuple[str, ...]
