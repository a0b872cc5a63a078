"""Whether a page that a reader was shown says what its sources say: pure rules.

A fact that came by event is late from when it was received here; any other by the age of what the page says of its
source. Only the first page at its default size is ever cached, so what a full page had no room for is not missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from support_service.timeline import DEFAULT_LIMIT, TimelineEntry, TimelineResponse

EVENTS_WITHIN_S = 0.5
"""Promise P1 of docs/cache.md."""

OTHERS_WITHIN_S = 61.0
"""Facts without an event are at most 60 s old; clocks of two machines may differ by the other second."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as a reader was shown it; None is one that cannot be read at all."""

    page: TimelineResponse | None
    read_at: datetime
    """When the reader asked, aware."""
    from_cache: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """How a page differs from its sources: entry ids, and for how many seconds it has."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    behind_s: float = 0.0
    past_promise: bool = False
    readable: bool = True


def compare(shown: Shown, truth: TimelineResponse, received: Mapping[str, datetime]) -> Difference | None:
    """How the page differs from what its sources say now; None when it does not.

    Args:
        shown: what a reader was shown before the sources were asked.
        truth: everything the sources say, not only a first page; of one that did not answer only events are held
            against the page.
        received: when each fact that came by event was received, aware, by entry id.
    """
    if shown.page is None:
        return Difference(past_promise=True, readable=False)
    spoke = {source.source for source in truth.sources if source.status == "ok"}
    known = {entry.entry_id: entry for entry in truth.entries}
    there = {entry.entry_id: entry for entry in shown.page.entries}
    lacking = [entry for entry in truth.entries[:DEFAULT_LIMIT] if entry.entry_id not in there]
    late_events = {
        entry.entry_id: late_s
        for entry in lacking
        if entry.entry_id in received and (late_s := (shown.read_at - received[entry.entry_id]).total_seconds()) > 0
    }
    missing = [entry for entry in lacking if entry.entry_id not in received and entry.source in spoke]
    extra = [entry for entry in shown.page.entries if entry.entry_id not in known and entry.source in spoke]
    changed = [
        entry
        for entry in shown.page.entries
        if entry.entry_id in known and entry != known[entry.entry_id] and entry.source in spoke
    ]
    ages = _ages(shown.page, shown.read_at, [*missing, *extra, *changed])
    if not late_events and not ages:
        return None
    return Difference(
        missing=tuple(sorted([*late_events, *(entry.entry_id for entry in missing)])),
        extra=tuple(sorted(entry.entry_id for entry in extra)),
        changed=tuple(sorted(entry.entry_id for entry in changed)),
        behind_s=round(max([*late_events.values(), *(age_s for age_s, _ in ages)]), 3),
        past_promise=any(late_s > EVENTS_WITHIN_S for late_s in late_events.values())
        or any(age_s > OTHERS_WITHIN_S and not owned_up for age_s, owned_up in ages),
    )


def _ages(page: TimelineResponse, at: datetime, entries: Iterable[TimelineEntry]) -> list[tuple[float, bool]]:
    """For each entry how many seconds old its source is on the page, and whether the page says that it is not current."""
    sources = {source.source: source for source in page.sources}
    found: list[tuple[float, bool]] = []
    for entry in entries:
        source = sources.get(entry.source)
        as_of = None if source is None else source.as_of
        age_s = 0.0 if as_of is None else max(0.0, (at - as_of).total_seconds())
        found.append((age_s, source is not None and source.status != "ok"))
    return found
