"""A timeline as the bytes that are shown, and what such bytes said."""

from pydantic_core import to_json

from support_service.context import StoredSource
from support_service.directory import Profile
from support_service.kit.paging import InvalidCursor, decode_cursor, encode_cursor
from support_service.sources import Fact, SourceState, masked, ordered, summary
from support_service.timeline.model import Assembled
from support_service.timeline.schemas import TimelineEntry, TimelineResponse


def render(assembled: Assembled, profile: Profile, *, cursor: str | None, limit: int) -> bytes:
    """One page as JSON, as `TimelineResponse` describes it; made of models it would cost twice the CPU.

    Raises:
        InvalidCursor: the cursor was not given out by this timeline.
    """
    facts = ordered(assembled.facts)
    start = 0 if cursor is None else _after(facts, cursor)
    shown = facts[start : start + limit]
    more = encode_cursor([shown[-1].entry_id]) if len(facts) > start + limit else None
    entries = [_entry(masked(fact) if profile is Profile.MASKED else fact) for fact in shown]
    return to_json({"entries": entries, "sources": [_source(state) for state in assembled.states], "next_cursor": more})


def said_by(body: bytes, customer_id: str) -> dict[str, StoredSource]:
    """What a first page of this customer said of the sources that had spoken; nothing if it did not show all of it."""
    page = TimelineResponse.model_validate_json(body)
    if page.next_cursor is not None:
        return {}  # not all of it was shown, so it cannot stand in for the whole
    return {
        source.source: StoredSource(
            tuple(_fact(entry, customer_id) for entry in page.entries if entry.source == source.source),
            source.served_from,
            source.as_of,
        )
        for source in page.sources
        if source.as_of is not None and source.served_from != "events"
    }


def _after(facts: list[Fact], cursor: str) -> int:
    """Where the page after a cursor begins: a fact never goes away or changes its place among those it had."""
    (entry_id,) = decode_cursor(cursor, (str,))
    for index, fact in enumerate(facts):
        if fact.entry_id == entry_id:
            return index + 1
    raise InvalidCursor


def _entry(fact: Fact) -> dict[str, object]:
    return {
        "entry_id": fact.entry_id,
        "source": fact.source,
        "kind": fact.kind,
        "occurred_at": fact.occurred_at,
        "entity_id": fact.entity_id,
        "order_id": fact.order_id,
        "version": fact.version,
        "summary": summary(fact),
        "data": fact.data,
    }


def _source(state: SourceState) -> dict[str, object]:
    return {
        "source": state.source,
        "status": state.status,
        "served_from": state.served_from,
        "as_of": state.as_of,
        "truncated": state.truncated,
    }


def _fact(entry: TimelineEntry, customer_id: str) -> Fact:
    return Fact(
        source=entry.source,
        entity_id=entry.entity_id,
        customer_id=customer_id,
        order_id=entry.order_id,
        version=entry.version,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        data=dict(entry.data),
    )
