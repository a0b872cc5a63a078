"""The figures of the core beside its peers: the worst condition counts, and what went wrong is no figure."""

import json
from dataclasses import replace
from typing import Any

from bench import backends, create, listing
from bench.create import Turn
from bench.listing import List, Reading
from bench.load import Outcome
from bench.peers import Peers

_ASKED = Outcome(
    100, 1.0, {"server": 0.5, "postgres": 0.5}, {}, 5.0, 9.0, frozenset(), frozenset(), frozenset(), (), ()
)


def _said(_text: str) -> None:
    return


def _peers(**faults: Any) -> Peers:
    bed: Any = None
    slow = replace(_ASKED, cpu={"server": 8.0, "postgres": 2.0})
    slower = replace(_ASKED, cpu={"server": 40.0, "postgres": 10.0})
    outcomes = {
        ("peer_read", 1000, "ours"): [_ASKED] * 2,
        ("peer_read", 1000, "django-helpdesk"): [slower] * 2,
        ("peer_read", 1000, "django-helpdesk, mended"): [slow] * 2,
        ("peer_create", 1000, "ours"): [slow] * 2,
        ("peer_create", 1000, "django-helpdesk"): [slow] * 2,
    }
    return Peers(bed, _said, outcomes, **faults)


def test_the_peer_at_its_best_counts() -> None:
    assert _peers().figure("peer_read").median == 10.0
    assert "django-helpdesk at 1000: 50.00" in _peers().figure("peer_read").note
    assert _peers().figure("peer_create").median == 1.0


def test_a_wrong_answer_of_anybody_is_no_figure() -> None:
    figure = _peers(faults=["ours at 1000: 3 x status 503"]).figure("peer_read")
    assert figure.median is None
    assert "status 503" in figure.note


def test_of_processes_of_a_database_those_that_came_meanwhile_count_from_their_beginning() -> None:
    assert backends.since({1: 5.0, 2: 1.0}, {1: 7.0, 3: 0.5}) == 2.5


def test_every_row_of_every_case_must_be_there() -> None:
    assert create.faults_of("ours", {"tickets": 9, "keys": 9}, 9) == []
    assert create.faults_of("ours", {"tickets": 9, "keys": 8}, 9) == ["ours: 8 keys of 9 cases"]


def test_what_the_log_costs_is_told_apart() -> None:
    turn = Turn(100, 2.0, {"api": 0.3, "postgres": 0.2}, {"relay": 0.5})
    assert turn.per_cpu_second == 200
    assert str(turn).endswith("microseconds: api 3000 + postgres 2000, apart relay 5000")


def _reading(shown: int) -> Reading:
    lists = [List(name, "", "", json.dumps({"items": [{}] * shown})) for name in ("page 1", "page 1000")]
    outcomes = {
        "page 1": [replace(_ASKED, p50_ms=ms) for ms in (3.0, 1.0, 2.0)],
        "page 1000": [replace(_ASKED, p50_ms=7.0)],
    }
    return Reading(lists, outcomes)


def test_a_page_takes_the_median_of_the_rounds_medians() -> None:
    assert listing.figure("list_page1_ms", _reading(25)).median == 2.0
    assert listing.figure("list_page1000_ms", _reading(25)).median == 7.0


def test_a_page_that_is_not_full_is_no_figure() -> None:
    assert listing.figure("list_page1_ms", _reading(24)).median is None
