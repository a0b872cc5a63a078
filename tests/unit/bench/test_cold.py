"""Figures of storms of cold reads."""

from typing import Any

from bench.cold import NAMES, Storms
from bench.storm import Storm

_NOBODY: Any = None


def storms(*came: Storm) -> Storms:
    """What was measured when each raw query took 2 s, and a query each 300 s."""
    measured = Storms(_NOBODY, _NOBODY, print)
    measured.storms, measured.same_key = list(came), list(came)
    measured.batches_s, measured.each_s = [2.0] * len(came), [300.0] * len(came)
    return measured


def test_counts_and_percentiles_hold_the_worst_storm_and_ratios_the_middle_one() -> None:
    figures = storms(Storm(2, 3.0, 10.0, ()), Storm(1, 4.0, 30.0, ()), Storm(1, 5.0, 20.0, ())).figures(NAMES)
    assert {name: figure.median for name, figure in figures.items()} == {
        "cold_storm_queries": 2,
        "cold_storm_vs_one_batch": 2.0,
        "cold_storm_p99_ms": 30.0,
        "cold_storm_vs_query_each": 75.0,
        "same_key_storm_queries": 2,
    }


def test_one_wrong_answer_or_a_storm_without_a_query_fails_every_figure_of_its_storms() -> None:
    for bad in (Storm(2, 3.0, 10.0, ["1 wrong answers"]), Storm(0, 3.0, 10.0, ())):
        figures = storms(Storm(1, 1.0, 1.0, ()), bad).figures(NAMES)
        assert {figure.median for figure in figures.values()} == {None}
        assert all(figure.note.startswith("FAILED") for figure in figures.values())
