"""What a person sees: a line for each step, and a table of the figures."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Say = Callable[[str], None]


def show(console: Console, held: Mapping[str, Any]) -> None:
    """Print what latest.json holds."""
    console.print(f"{held['commit'][:12]} of {held['started_at']}, load {held['load']:.1f}, {held['machine']}")
    table = Table("figure", "median", "runs", "unit")
    for name, figure in sorted(held["figures"].items()):
        median = "[red]failed[/]" if figure["median"] is None else f"{figure['median']:g}"
        table.add_row(name, median, " ".join(f"{run:g}" for run in figure["runs"]), figure["unit"])
    console.print(table)
    for name, figure in sorted(held["figures"].items()):
        console.print(f"[bold]{name}[/]: {escape(figure['note'])}")
