"""docs/bad-input.md and docs/problems.md show what is tried and what there is, all of it and nothing else."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import support_service
from support.bad_input import ROWS
from support_service.kit.problems import TYPE_PREFIX, Problem

DOCS = Path(__file__).resolve().parents[2] / "docs"


def table_of(page: str) -> list[str]:
    """The rows of a page's tables, without their heads."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if line.startswith("|---")}
    return [
        line
        for number, line in enumerate(lines)
        if line.startswith("| ") and number not in heads and not line.startswith("|---")
    ]


def test_each_row_of_the_table_of_bad_input_is_tried_and_each_that_is_tried_is_in_it() -> None:
    shown, tried = table_of("bad-input.md"), [row.line for row in ROWS]
    assert len(tried) > 150
    assert sorted(set(shown) - set(tried)) == []
    assert sorted(set(tried) - set(shown)) == []
    assert len(shown) == len(tried) == len({row.name for row in ROWS}), "a row is there twice"


def problems(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for each in kind.__subclasses__():
        yield from problems(each)


def test_every_type_of_problem_is_listed_with_its_status_and_title_and_no_other() -> None:
    for module in pkgutil.walk_packages(support_service.__path__, "support_service."):
        if "migrations" not in module.name:
            importlib.import_module(module.name)
    ours = {each for each in problems(Problem) if each.__module__.startswith("support_service.")}
    told = {f"| `{each.code}` | {each.status} | {each.title} |" for each in ours}
    assert len(told) > 40
    assert set(table_of("problems.md")) == told


def test_the_page_of_problems_says_how_a_type_is_written() -> None:
    assert TYPE_PREFIX in (DOCS / "problems.md").read_text("utf-8")
