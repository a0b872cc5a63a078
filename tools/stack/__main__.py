"""`python -m tools.stack`: the stack from a terminal."""

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from tools.stack import Stack, StackError
from tools.stack.compose import compose_files
from tools.stack.stack import CHECKOUT

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The real components, provisioned and started natively on free ports of 127.0.0.1.",
)
_err = Console(stderr=True, highlight=False)

Names = Annotated[list[str] | None, typer.Argument(metavar="[COMPONENT]...", help="All there are when none is named.")]
Folder = Annotated[Path, typer.Option(help="Holds everything of the stack.", envvar="SUPPORT_STACK")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="COMPONENT.SETTING=VALUE", help="As in trino.heap=2G.")
]

_FOLDER = CHECKOUT / ".stack"


@app.command()
def up(names: Names = None, folder: Folder = _FOLDER, settings: Settings = None) -> None:
    """Provision and start what does not run yet, and show it all; it goes on until `down`."""
    began = time.monotonic()
    stack = _stack(folder, settings)
    stack.up(*(names or ()), say=_say)
    _say(f"ready after {time.monotonic() - began:.1f} s; addresses are in {stack.file}")
    _show(stack)


@app.command()
def down(
    names: Names = None,
    folder: Folder = _FOLDER,
    *,
    erase: Annotated[bool, typer.Option("--erase", help="Delete what they keep, too.")] = False,
) -> None:
    """End what runs; what it keeps is there again after the next `up`."""
    _stack(folder, None).down(*(names or ()), erase=erase)


@app.command()
def status(folder: Folder = _FOLDER) -> None:
    """Show what runs."""
    _show(_stack(folder, None))


@app.command()
def provision(names: Names = None) -> None:
    """Fetch, check and build what the components are made of, into SUPPORT_CACHE or the user's cache."""
    stack = Stack(_FOLDER)
    stack.provision(*(names or ()), say=_say)
    _say(f"everything is in {stack.cache.root}")


@app.command()
def compose() -> None:
    """Write what deploy/compose.yaml mounts into its containers."""
    for file, text in compose_files().items():
        path = CHECKOUT / "deploy" / "stack" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _stack(folder: Path, settings: list[str] | None) -> Stack:
    given = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals:
            raise StackError(f"--set wants COMPONENT.SETTING=VALUE, not {setting}")
        given[key] = value
    return Stack(folder, settings=given)


def _say(sentence: str) -> None:
    _err.print(f"stack: {sentence}", markup=False, soft_wrap=True)


def _show(stack: Stack) -> None:
    table = Table("component", "state", "address", "pid", "MB", "ready after")
    for column in table.columns[3:]:
        column.justify = "right"
    for one in stack.status():
        ready = "" if one.ready_s is None else f"{one.ready_s:.1f} s"
        table.add_row(one.title, one.state, one.address, str(one.pid or ""), f"{one.resident_mb:.0f}", ready)
    Console().print(table)


def main() -> None:
    """Run the command; an error is a sentence and exit status 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what a start had begun
    try:
        app()
    except StackError as error:
        _err.print(f"stack: {error}", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
