"""What a storm of cold reads must have been answered with."""

import json
from dataclasses import replace
from typing import Any

import pytest
from bench import storm, truth
from bench.bed import Case
from bench.load import Outcome
from bench.shop import facts_of

SOURCES = ("order", "payment", "shipment", "fraud", "feedback")
CASES = [Case(f"t-{n}", f"o-{n}") for n in range(2)]


def told(order_id: str, **origins: str) -> dict[str, Any]:
    """A timeline that says what the shop knows, from the lake but for the sources named otherwise."""
    entries = [
        json.loads(json.dumps(truth._said(fact), default=str))
        | {"entry_id": f"{fact.source}:{fact.entity_id}:{fact.version}", "summary": "It went on."}
        for fact in facts_of(order_id, storm.FACTS)
    ]
    sources = [{"source": name, "status": "ok", "served_from": origins.get(name, "lake")} for name in SOURCES]
    return {"entries": entries, "sources": sources}


def outcome(*bodies: str) -> Outcome:
    none: frozenset[tuple[int, int, int]] = frozenset()
    return Outcome(storm.CONNECTIONS, 1.0, {}, {}, 1.0, 1.0, none, none, none, bodies, ())


def test_answers_that_say_what_the_shop_knows_and_come_from_the_lake_are_right() -> None:
    assert storm._faults(outcome(*(json.dumps(told(case.order_id)) for case in CASES)), CASES) == []


def test_an_answer_from_elsewhere_about_another_order_or_unreadable_is_a_fault() -> None:
    right = json.dumps(told("o-0"))
    for wrong in (json.dumps(told("o-1", payment="rest")), right, "", '{"title": "Try again"}'):
        [fault] = storm._faults(outcome(right, wrong), CASES)
        assert fault.startswith("1 wrong answers")


def test_a_source_that_is_not_from_the_lake_is_named() -> None:
    with pytest.raises(truth.WrongAnswer, match="'payment': 'rest'"):
        truth.from_lake(told("o-1", payment="rest"), "o-1", storm.FACTS)


def test_missing_answers_and_what_the_load_generator_saw_are_faults() -> None:
    right = outcome(*(json.dumps(told(case.order_id)) for case in CASES))
    assert storm._faults(replace(right, requests=999), CASES) == ["999 answers"]
    assert storm._faults(replace(right, faults={"status 503": 3}), CASES) == ["3 x status 503"]
