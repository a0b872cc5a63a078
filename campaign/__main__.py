"""`make campaign-events`: what a shop says, through a worker that is killed again and again."""

import asyncio
import sys
from math import ceil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from campaign.events import Plan, campaign
from campaign.story import chapters, chapters_of, shop_facts
from support_service.kit import logs

_console = Console(highlight=False, soft_wrap=True)


def main(
    olist: Annotated[Path | None, typer.Option(help="Folder with the Olist files; a generated shop else.")] = None,
    kills: Annotated[int, typer.Option(min=1, max=1_000)] = 200,
    copies: Annotated[int, typer.Option(min=1, max=10, help="How many times the story is told.")] = 10,
    events: Annotated[int | None, typer.Option(min=1_000, help="At most so many events.")] = None,
) -> None:
    """Run the campaign and count; 1 when something was lost, doubled or out of order."""
    logs.configure(log_format="console", level="error")
    facts = shop_facts(olist)
    _console.print(f"{len(facts)} facts of {'a generated shop' if olist is None else olist}")
    told = chapters(facts, events, copies)  # all of it would not fit into memory
    plan = Plan(kills, told, kills_a_chapter=ceil(kills / chapters_of(facts, events, copies)))
    verdict = asyncio.run(campaign(plan, _console.print))
    table = Table("count", "", box=None, pad_edge=False, show_header=False)
    for what, count in verdict.counts.items():
        table.add_row(what, f"{count:,}")
    _console.print(table)
    for line in verdict.wrong:
        _console.print(f"[red]wrong:[/] {line}")
    sys.exit(int(bool(verdict.wrong)))


if __name__ == "__main__":
    typer.run(main)
