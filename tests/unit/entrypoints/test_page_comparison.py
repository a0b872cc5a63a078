"""When a page that was shown is behind its sources, and when that is past what is promised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support_service.entrypoints.page_comparison import Difference, Shown, compare
from support_service.timeline import DEFAULT_LIMIT, TimelineEntry, TimelineResponse
from support_service.timeline.schemas import TimelineSource

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def entry(version: int, source: str = "order", summary: str = "s") -> TimelineEntry:
    return TimelineEntry(
        entry_id=f"{source}:o-1:{version}",
        source=source,
        kind=f"{source}.created",
        occurred_at=NOW - timedelta(days=1, seconds=-version),
        entity_id="o-1",
        order_id="o-1",
        version=version,
        summary=summary,
        data={},
    )


def page(*entries: TimelineEntry, age_s: float = 10.0, status: str = "ok") -> TimelineResponse:
    source = TimelineSource.model_validate(
        {"source": "order", "status": status, "served_from": "lake", "as_of": NOW - timedelta(seconds=age_s)}
        | {"truncated": False}
    )
    return TimelineResponse(entries=entries, sources=(source,), next_cursor=None)


def seen(shown: TimelineResponse | None) -> Shown:
    return Shown(shown, NOW, from_cache=True)


def test_a_page_that_says_what_the_sources_say_does_not_differ() -> None:
    assert compare(seen(page(entry(2), entry(1))), page(entry(2), entry(1)), {}) is None


@pytest.mark.parametrize(("ago_s", "past"), [(0.4, False), (0.6, True), (90.0, True)])
def test_a_fact_that_came_by_event_may_be_missing_for_half_a_second(ago_s: float, past: bool) -> None:  # noqa: FBT001
    received = {"order:o-1:2": NOW - timedelta(seconds=ago_s)}
    found = compare(seen(page(entry(1))), page(entry(2), entry(1)), received)
    assert found == Difference(missing=("order:o-1:2",), behind_s=ago_s, past_promise=past)


def test_a_fact_that_came_after_the_page_was_read_is_not_missing_on_it() -> None:
    received = {"order:o-1:2": NOW + timedelta(milliseconds=1)}
    assert compare(seen(page(entry(1))), page(entry(2), entry(1)), received) is None


@pytest.mark.parametrize(("age_s", "past"), [(59.0, False), (62.0, True)])
def test_a_fact_without_an_event_may_be_missing_while_the_page_is_a_minute_old(age_s: float, past: bool) -> None:  # noqa: FBT001
    found = compare(seen(page(entry(1), age_s=age_s)), page(entry(2), entry(1)), {})
    assert found == Difference(missing=("order:o-1:2",), behind_s=age_s, past_promise=past)


def test_what_the_sources_do_not_say_and_what_they_say_differently_is_told_apart() -> None:
    found = compare(seen(page(entry(3), entry(1, summary="other"))), page(entry(1)), {})
    assert found == Difference(extra=("order:o-1:3",), changed=("order:o-1:1",), behind_s=10.0)


def test_an_old_source_that_says_so_breaks_no_promise_but_an_event_that_it_lacks_does() -> None:
    stale = page(entry(1), age_s=600, status="stale")
    assert not getattr(compare(seen(stale), page(entry(2), entry(1)), {}), "past_promise", None)
    received = {"order:o-1:2": NOW - timedelta(seconds=5)}
    assert getattr(compare(seen(stale), page(entry(2), entry(1)), received), "past_promise", None)


def test_of_a_source_that_does_not_speak_now_only_events_are_held_against_a_page() -> None:
    silent = page(entry(2), status="stale")
    assert compare(seen(page(entry(1))), silent, {}) is None
    found = compare(seen(page(entry(1))), silent, {"order:o-1:2": NOW - timedelta(seconds=5)})
    assert found == Difference(missing=("order:o-1:2",), behind_s=5.0, past_promise=True)


def test_what_a_full_page_has_no_room_for_is_neither_missing_nor_extra() -> None:
    everything = [entry(version) for version in range(DEFAULT_LIMIT + 2, 0, -1)]
    assert compare(seen(page(*everything[:DEFAULT_LIMIT])), page(*everything), {}) is None
    older = page(*everything[1 : DEFAULT_LIMIT + 1])
    found = compare(seen(older), page(*everything), {})
    assert found is not None
    assert replace(found, missing=()) == Difference(behind_s=10.0)
    assert found.missing == (everything[0].entry_id,)


def test_a_page_that_cannot_be_read_is_past_every_promise() -> None:
    assert compare(seen(None), page(entry(1)), {}) == Difference(past_promise=True, readable=False)
