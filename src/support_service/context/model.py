"""What is stored of a source, and the form a fact is stored in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from support_service.sources import Fact


@dataclass(frozen=True, slots=True)
class StoredSource:
    """The facts of one source that are stored; `as_of` is when the source was last heard whole, None if never."""

    facts: tuple[Fact, ...]
    served_from: str
    as_of: datetime | None


def fact_to_json(fact: Fact) -> dict[str, Any]:
    """A fact as `support_case_context.facts` holds it under its entry id."""
    return {
        "source": fact.source,
        "entity_id": fact.entity_id,
        "customer_id": fact.customer_id,
        "order_id": fact.order_id,
        "version": fact.version,
        "kind": fact.kind,
        "occurred_at": fact.occurred_at.isoformat(timespec="microseconds"),
        "data": fact.data,
    }


def fact_from_json(body: Mapping[str, Any]) -> Fact:
    """The fact that `fact_to_json` wrote."""
    return Fact(**{**body, "occurred_at": datetime.fromisoformat(body["occurred_at"])})
