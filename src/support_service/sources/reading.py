"""What one backend said of one source, and the counting of what it did not say."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from support_service.kit import logs
from support_service.sources import metrics
from support_service.sources.breaker import BreakerOpen
from support_service.sources.errors import MalformedRow
from support_service.sources.model import Fact

MOST_FACTS = 2_000
"""As many facts one read shows; a customer's newest 20 orders with all their parcels have a few hundred."""

RECOVERING = "recovering"
"""Why a lake is not asked that has just come back and answers others already (`slow_start`)."""

_NOTHING_TRIED = frozenset({BreakerOpen.reason, RECOVERING})

_log = logs.get_logger(__name__)
_Raw = TypeVar("_Raw")


class Reading(NamedTuple):
    """The facts of one source, when the read began, and whether there may be more."""

    facts: tuple[Fact, ...]
    as_of: datetime
    truncated: bool


def failed(sources: Iterable[str], backend: str, reason: str) -> None:
    """Count that a backend did not answer for these sources."""
    for source in sources:
        metrics.REFRESH_ERRORS.labels(source, backend, reason).inc()
    if reason not in _NOTHING_TRIED:
        _log.warning("sources.read_failed", backend=backend, reason=reason, sources=sorted(sources))


def usable(
    source: str, backend: str, raw: Iterable[_Raw], read: Callable[[_Raw], Fact], order_ids: Collection[str]
) -> tuple[list[Fact], bool]:
    """The facts in an answer, and whether something had to be left out.

    One malformed row hides neither the others nor itself: it is counted, and the source says that it shows not all.
    """
    facts: list[Fact] = []
    whole = True
    for item in raw:
        try:
            fact = read(item)
        except MalformedRow as error:
            whole = False
            metrics.FACTS_DROPPED.labels(source, "malformed").inc()
            _log.warning("sources.malformed_row", source=source, backend=backend, field=error.field)
            continue
        if fact.order_id in order_ids:
            facts.append(fact)
        else:
            metrics.FACTS_DROPPED.labels(source, "not_asked_for").inc()
    return facts, whole
