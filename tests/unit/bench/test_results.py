"""The file of results."""

from pathlib import Path

import pytest
from bench import results
from bench.results import failed, lowest_condition, median_of, merge, worst_of


def test_figures_of_one_commit_are_merged_and_those_of_another_are_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "results" / "latest.json"
    one, two = median_of([1, 2, 3], unit="times", note=""), worst_of([0, 2, 1], unit="queries", note="")
    first = merge({"one": one}, file, commit="a")
    merge({"two": two}, file, commit="a")
    held = merge({"two": two}, file, commit="a")
    assert set(held["figures"]) == {"one", "two"}
    assert held["started_at"] == first["started_at"]
    assert set(held) == {"commit", "started_at", "machine", "load", "figures"}
    assert set(held["figures"]["one"]) == {"median", "runs", "unit", "note"}
    assert set(merge({"one": one}, file, commit="b")["figures"]) == {"one"}


def test_a_broken_file_is_started_anew(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    file.write_text('{"commit": "a", "figu', "utf-8")
    assert set(merge({"one": failed("why", unit="times")}, file, commit="a")["figures"]) == {"one"}


def test_the_median_of_runs_is_their_middle_one_and_of_counts_the_worst() -> None:
    assert median_of([5, 1, 3], unit="", note="").median == 3
    assert worst_of([5, 1, 3], unit="", note="").median == 5


def test_a_figure_over_several_conditions_is_the_worst_of_them_and_tells_the_others() -> None:
    figure = lowest_condition({"at 64": [3, 4, 5], "at 1000": [1, 2, 9]}, unit="times", note="So it is.")
    assert figure.median == 2
    assert list(figure.runs) == [1, 2, 9]
    assert figure.note == "at 64: 4.00, at 1000: 2.00. So it is."


def test_a_failed_figure_is_kept_without_a_number_and_with_its_reason() -> None:
    figure = failed("3 x status 503", unit="times")
    assert figure.median is None
    assert figure.note.startswith("FAILED: 3 x status 503")


@pytest.mark.parametrize(("status", "commit"), [(" M file", "abc-dirty"), ("", "abc")])
def test_a_changed_checkout_is_not_taken_for_its_commit(
    status: str, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"rev-parse": "abc", "status": status}
    monkeypatch.setattr(results, "_git", lambda *words: said[words[0]])
    assert results.current_commit() == commit


def test_a_count_with_one_right_number_is_told_by_the_run_farthest_from_it() -> None:
    assert results.farthest_of([1, 0, 1], 1, unit="queries", note="").median == 0
    assert results.farthest_of([1, 1, 3], 1, unit="queries", note="").median == 3
    assert results.farthest_of([1, 1, 1], 1, unit="queries", note="").median == 1
