"""The data of the benchmarks."""

from bench.shop import FACTS, facts_of

SOURCES = {"order", "payment", "shipment", "fraud", "feedback"}


def test_the_facts_of_an_order_are_as_many_as_wanted_and_the_same_each_time() -> None:
    for count in (1, 6, FACTS, 96):
        assert len(facts_of("o-1", count)) == count
        assert facts_of("o-1", count) == facts_of("o-1", count)


def test_few_facts_are_of_every_source_and_each_entity_s_versions_begin_with_the_first() -> None:
    few = facts_of("o-1", 6)
    assert {fact.source for fact in few} == SOURCES
    versions: dict[str, list[int]] = {}
    for fact in few:
        versions.setdefault(f"{fact.source}:{fact.entity_id}", []).append(fact.version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
