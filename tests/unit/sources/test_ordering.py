"""The order of a timeline: total, and deaf to how its facts arrived."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from support_service.kit.paging import decode_cursor, encode_cursor
from support_service.sources import Fact, ordered
from support_service.sources.ordering import keyed

START = datetime(2026, 1, 1, tzinfo=UTC)


def fact(source: str, entity: str, version: int, second: float, **data: object) -> Fact:
    at = START + timedelta(seconds=second)
    return Fact(source, entity, "c1", "o1", version, f"{source}.x", at, data)


facts = st.builds(
    fact,
    st.sampled_from(["order", "payment", "shipment", "fraud", "feedback"]),
    st.sampled_from(["a", "b", "ă"]),
    st.integers(1, 5),
    st.sampled_from([-(10.0**9) * 3, -1, 0, 0.000001, 1, 2]),
    note=st.sampled_from([None, 1, "x"]),
)


@given(st.lists(facts, max_size=40), st.randoms(use_true_random=False), st.data())
def test_shuffled_and_doubled_facts_end_in_the_same_order(
    given_facts: list[Fact], random: Random, data: st.DataObject
) -> None:
    again = [*given_facts, *(data.draw(st.lists(st.sampled_from(given_facts))) if given_facts else [])]
    random.shuffle(again)
    assert ordered(again) == ordered(given_facts)


@given(st.lists(facts, max_size=40))
def test_each_fact_is_there_once_and_keys_strictly_descend(given_facts: list[Fact]) -> None:
    placed = keyed(given_facts)
    assert {fact.entry_id for _, fact in placed} == {fact.entry_id for fact in given_facts}
    assert len(placed) == len({fact.entry_id for fact in given_facts})
    assert all(newer > older for (newer, _), (older, _) in pairwise(placed))


@given(st.lists(facts, max_size=40))
def test_within_an_entity_versions_strictly_descend_whatever_their_clocks_said(given_facts: list[Fact]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for each in ordered(given_facts):
        entity = (each.source, each.entity_id)
        assert each.version < seen.get(entity, 1_000)
        seen[entity] = each.version


@given(st.lists(facts, max_size=40), st.integers(1, 7))
def test_pages_put_together_are_the_whole(given_facts: list[Fact], size: int) -> None:
    placed = keyed(given_facts)
    pages: list[Fact] = []
    cursor: str | None = None
    while True:
        below = None if cursor is None else tuple(decode_cursor(cursor, (int, int, str, int)))
        rest = [(key, each) for key, each in placed if below is None or key < below]
        if not rest:
            break
        pages += [each for _, each in rest[:size]]
        cursor = encode_cursor(rest[:size][-1][0])
    assert pages == ordered(given_facts)


def test_a_later_version_with_an_earlier_clock_stands_beside_the_one_before_it() -> None:
    order = [fact("order", "o", 1, 100), fact("order", "o", 2, 50), fact("payment", "p", 1, 75)]
    assert [each.entry_id for each in ordered(order)] == ["order:o:2", "order:o:1", "payment:p:1"]


def test_at_the_same_moment_the_later_source_of_the_catalog_is_the_newer() -> None:
    moment = [fact(source, "e", 1, 0) for source in ("order", "feedback", "payment", "fraud", "shipment")]
    assert [each.source for each in ordered(moment)] == ["feedback", "fraud", "shipment", "payment", "order"]


def test_of_two_tellings_of_one_version_the_fuller_is_shown_in_any_order() -> None:
    thin, full = fact("order", "o", 1, 0, items=None, status="x"), fact("order", "o", 1, 0, items=2, status="x")
    assert ordered([thin, full]) == ordered([full, thin]) == [full]


def test_facts_from_before_1970_keep_their_places() -> None:
    old, older = fact("order", "a", 1, -(10.0**9) * 3), fact("order", "b", 1, -(10.0**9) * 3.1)
    assert ordered([older, old]) == [old, older]
