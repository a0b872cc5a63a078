"""Putting a timeline together: each source alone, nothing stale unmarked, nothing of another customer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support_service.context import StoredSource
from support_service.sources import Fact, Fetched, SourceState
from support_service.timeline.model import Assembled, assemble

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOURCES = ("order", "payment", "shipment", "fraud", "feedback")


def fact(source: str = "order", version: int = 1, customer_id: str | None = "c-1", **data: Any) -> Fact:
    return Fact(source, "e-1", customer_id, "o-1", version, f"{source}.created", NOW, {"status": "created", **data})


def ok(source: str) -> SourceState:
    return SourceState(source, "ok", "lake", NOW, truncated=False)


def away(source: str) -> SourceState:
    return SourceState(source, "unavailable", "none", None, truncated=False)


def fetched(*facts: Fact, missing: tuple[str, ...] = ()) -> Fetched:
    states = {name: away(name) if name in missing else ok(name) for name in SOURCES}
    return Fetched(facts, states, ("o-1",))


def state_of(assembled: Assembled, source: str) -> tuple[str, str, datetime | None]:
    state = next(state for state in assembled.states if state.source == source)
    return state.status, state.served_from, state.as_of


def test_what_came_by_event_shows_though_the_lake_has_not_got_it_yet_and_each_fact_once() -> None:
    assembled = assemble(fetched(fact(version=1)), [(fact(version=1), NOW), (fact(version=2), NOW)], (), "c-1")
    assert sorted(one.version for one in assembled.facts) == [1, 2]
    assert state_of(assembled, "order") == ("ok", "lake", NOW)
    assert assembled.whole


def test_a_silent_source_is_served_from_what_is_stored_marked_with_its_time_and_the_others_are_untouched() -> None:
    then = NOW - timedelta(minutes=3)
    stored = {"payment": StoredSource((fact("payment"),), "context", then)}
    assembled = assemble(fetched(fact(), missing=("payment",)), [], (stored,), "c-1")
    assert state_of(assembled, "payment") == ("stale", "context", then)
    assert state_of(assembled, "order") == ("ok", "lake", NOW)
    assert {one.source for one in assembled.facts} == {"order", "payment"}
    assert not assembled.whole


@pytest.mark.parametrize("first_is_newer", [True, False])
def test_of_two_things_known_from_before_the_newer_one_is_served(first_is_newer: bool) -> None:  # noqa: FBT001
    older = StoredSource((fact("payment", 1),), "context", NOW - timedelta(minutes=9))
    newer = StoredSource((fact("payment", 2),), "context", NOW - timedelta(minutes=1))
    fallbacks = [{"payment": newer}, {"payment": older}]
    assembled = assemble(fetched(missing=("payment",)), [], fallbacks if first_is_newer else fallbacks[::-1], "c-1")
    assert state_of(assembled, "payment") == ("stale", "context", newer.as_of)
    assert [one.version for one in assembled.facts] == [2]


def test_events_alone_are_stale_as_of_the_newest_one() -> None:
    late = NOW - timedelta(seconds=5)
    came = [(fact("fraud", 1), NOW - timedelta(hours=1)), (fact("fraud", 2), late)]
    assembled = assemble(fetched(missing=("fraud",)), came, (), "c-1")
    assert state_of(assembled, "fraud") == ("stale", "events", late)
    assert len(assembled.facts) == 2


def test_stored_facts_that_were_never_whole_do_not_pass_for_a_whole_source() -> None:
    stored = {"fraud": StoredSource((), "none", None)}
    assembled = assemble(fetched(missing=("fraud",)), [], (stored,), "c-1")
    assert state_of(assembled, "fraud") == ("unavailable", "none", None)


def test_nothing_known_is_unavailable_and_a_stored_nothing_is_stale() -> None:
    then = NOW - timedelta(minutes=1)
    stored = {"fraud": StoredSource((), "context", then)}
    assembled = assemble(fetched(missing=("fraud", "feedback")), [], (stored,), "c-1")
    assert state_of(assembled, "feedback") == ("unavailable", "none", None)
    assert state_of(assembled, "fraud") == ("stale", "context", then)


def test_another_customers_facts_never_show_even_if_only_the_order_tells() -> None:
    theirs = fact("order", customer_id="c-2")
    unnamed = fact("payment", customer_id=None)
    assert assemble(fetched(), [(theirs, NOW), (unnamed, NOW)], (), "c-1").facts == ()
    assert len(assemble(fetched(), [(unnamed, NOW)], (), "c-1").facts) == 1
