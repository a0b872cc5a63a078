"""The order of a timeline: one total order that nothing about arrival can change.

Newest first by effective time: a version is never earlier than the ones before it of the same entity, whatever its
clock said, so an entity's versions never swap. Ties: the later source of the catalog, the greater entity id, the later
version come first.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from support_service.sources.catalog import RANK
from support_service.sources.model import Fact

SortKey = tuple[int, int, str, int]
"""Effective time in microseconds since 1970 UTC, the source's rank, entity id, version. The greater, the newer."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def keyed(facts: Iterable[Fact]) -> list[tuple[SortKey, Fact]]:
    """Each fact once with its key, newest first; a page that ends with a key goes on with the facts below it."""
    entities: dict[tuple[str, str], dict[int, Fact]] = {}
    for fact in facts:
        versions = entities.setdefault((fact.source, fact.entity_id), {})
        known = versions.get(fact.version)
        versions[fact.version] = fact if known is None or known == fact else max(known, fact, key=_fullest)
    placed: list[tuple[SortKey, Fact]] = []
    for versions in entities.values():
        effective = versions[min(versions)].occurred_at
        for version in sorted(versions):
            fact = versions[version]
            effective = max(effective, fact.occurred_at)
            placed.append((sort_key(fact, effective), fact))
    return sorted(placed, key=lambda pair: pair[0], reverse=True)


def ordered(facts: Iterable[Fact]) -> list[Fact]:
    """Each fact once, newest first."""
    return [fact for _, fact in keyed(facts)]


def sort_key(fact: Fact, effective: datetime) -> SortKey:
    """Where a fact stands, given its effective time: the latest `occurred_at` of its entity up to its version."""
    return ((effective - _EPOCH) // _MICROSECOND, RANK[fact.source], fact.entity_id, fact.version)


def _fullest(fact: Fact) -> tuple[int, str]:
    """Of two that claim to be the same version the one that knows more is taken, whichever came first."""
    told = sum(value is not None for value in fact.data.values()) + (fact.customer_id is not None)
    return told, json.dumps([fact.occurred_at.isoformat(), fact.order_id, fact.customer_id, fact.data], sort_keys=True)
