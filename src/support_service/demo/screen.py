"""What the demo says on the terminal."""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from support_service.demo.people import PEOPLE
from support_service.demo.tables import Stocked


def say_stocked(console: Console, stocked: Stocked, passed_over: Counter[str], choice: str) -> None:
    """What the shop was filled with."""
    console.print(
        f"The shop has [bold]{stocked.orders:,}[/] orders of {stocked.customers:,} customers,"
        f" told in {stocked.facts:,} facts: {escape(choice)}.",
    )
    for reason, count in sorted(passed_over.items()):
        console.print(f"  not used: {count:,} {escape(reason)}", style="dim")


def say_ready(console: Console, *, url: str, cases: int, logs: Path) -> None:
    """The first screen: where to look, who is there, and what to try."""
    command = ".venv/bin/support-service"
    console.print(f"\n  [bold green]Ready:[/] [bold]{url}[/]")
    console.print(f"  {cases} cases stand on orders of the shop, and the shop goes on while you look.\n")
    console.print("  Sign in on the page, or by a token, as")
    for who in PEOPLE:
        teams = f" of {', '.join(who.teams)}" if who.teams else ""
        console.print(f"    [bold]{who.subject:<16}[/]{who.name}, {who.roles[0]}{teams}")
    console.print("\n  Try")
    for what, how in (
        ("open a case and watch its timeline", url),
        ("the API, with examples", f"{url}/docs"),
        ("a token", f"{command} token --role AGENT"),
        ("take the lake away", f"{command} demo stop lake"),
        ("and the shop's services", f"{command} demo stop rest"),
        ("give them back", f"{command} demo start lake"),
        ("read the logs", str(logs)),
    ):
        console.print(f"    {what:<36}[cyan]{escape(how)}[/]")
    console.print("\n  Ctrl-C ends everything.", style="dim")
