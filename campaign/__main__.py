"""`make campaign-events`: what a shop says, `make campaign-cases`: a busy desk; while processes are killed again and again."""

import asyncio
import sys
from math import ceil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from campaign import cases, events
from campaign.story import chapters, chapters_of, shop_facts
from campaign.verdict import Verdict
from support_service.kit import logs

app = typer.Typer(add_completion=False, help="Break things on purpose for long, and count.")
_console = Console(highlight=False, soft_wrap=True)
_Kills = Annotated[int, typer.Option(min=1, max=2_000)]


@app.command("events")
def of_events(
    olist: Annotated[Path | None, typer.Option(help="Folder with the Olist files; a generated shop else.")] = None,
    kills: _Kills = 200,
    copies: Annotated[int, typer.Option(min=1, max=10, help="How many times the story is told.")] = 10,
    most: Annotated[int | None, typer.Option("--events", min=1_000, help="At most so many events.")] = None,
) -> None:
    """Shop events, held to the ordered replay; 1 when something was lost, doubled or out of order."""
    logs.configure(log_format="console", level="error")
    facts = shop_facts(olist)
    _console.print(f"{len(facts)} facts of {'a generated shop' if olist is None else olist}")
    told = chapters(facts, most, copies)  # all of it would not fit into memory
    plan = events.Plan(kills, told, kills_a_chapter=ceil(kills / chapters_of(facts, most, copies)))
    _tell(asyncio.run(events.campaign(plan, _console.print)))


@app.command("cases")
def of_cases(
    kills: _Kills = 200,
    seconds: Annotated[int, typer.Option(min=10, max=14_400, help="Nothing is killed after so long.")] = 1_800,
    agents: Annotated[int, typer.Option(min=1, max=50)] = 6,
) -> None:
    """A busy desk, its clients' accounts held to the tables; 1 when something was lost, doubled or out of order."""
    logs.configure(log_format="console", level="error")
    _tell(asyncio.run(cases.campaign(cases.Plan(kills, seconds, agents), _console.print)))


def _tell(verdict: Verdict) -> None:
    table = Table("count", "", box=None, pad_edge=False, show_header=False)
    for what, count in verdict.counts.items():
        table.add_row(what, f"{count:,}")
    _console.print(table)
    for line in verdict.wrong:
        _console.print(f"[red]wrong:[/] {line}")
    sys.exit(int(bool(verdict.wrong)))


if __name__ == "__main__":
    app()
