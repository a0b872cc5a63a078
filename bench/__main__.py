"""`python -m bench [NAME ...]`: measures the named figures, all when none is named, and merges them into latest.json."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import (
    cold,
    create,
    fresh,
    growth,
    hot,
    ingest,
    listing,
    peers,
    produced,
    relay,
    results,
    streams,
    trino_killed,
)
from bench.results import Figure
from bench.scale import QUICK, Scale
from bench.table import Say, show

Measure = Callable[[Sequence[str], Scale, Say], Coroutine[Any, Any, Mapping[str, Figure]]]

SUITES: Mapping[Measure, Sequence[str]] = {
    hot.measure: hot.NAMES,
    cold.measure: cold.NAMES,
    fresh.measure: fresh.NAMES,
    trino_killed.measure: trino_killed.NAMES,
    growth.measure: growth.NAMES,
    streams.measure: streams.NAMES,
    ingest.measure: ingest.NAMES,
    relay.measure: relay.NAMES,
    produced.measure: produced.NAMES,
    create.measure: create.NAMES,
    listing.measure: listing.NAMES,
    peers.measure: peers.NAMES,
}
"""Figures that are measured on one running service, together."""

_console = Console(highlight=False, soft_wrap=True)


def main(
    only: Annotated[list[str] | None, typer.Argument(help="Names of figures, or their beginnings.")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Fewer and shorter runs; nothing is recorded.")] = False,
) -> None:
    """Measure, show a table, and keep the figures in bench/results/latest.json."""
    wanted = chosen(only or [])
    if not wanted:
        known = ", ".join(name for names in SUITES.values() for name in names)
        _console.print(f"There is no such figure; there are: {known}")
        raise typer.Exit(2)
    held: dict[str, Any] = {}
    for measure, names in wanted.items():
        figures = asyncio.run(measure(names, QUICK if quick else Scale(), _say))
        held = results.preview(figures) if quick else results.merge(figures)
        show(_console, held)
    if any(figure["median"] is None for figure in held["figures"].values()):
        sys.exit(1)


def chosen(only: Sequence[str]) -> dict[Measure, list[str]]:
    """The suites with the figures that are wanted of each."""
    found = {
        measure: [name for name in names if not only or any(name.startswith(word) for word in only)]
        for measure, names in SUITES.items()
    }
    return {measure: names for measure, names in found.items() if names}


def _say(text: str) -> None:
    _console.print(text, style="dim")


if __name__ == "__main__":
    typer.run(main)
