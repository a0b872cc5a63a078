"""The command line. Heavy imports stand inside the commands, so that --help is instant."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
demo_app = typer.Typer(invoke_without_command=True, help="The whole service with a simulated shop, on this machine.")
trino_app = typer.Typer(no_args_is_help=True, help="The timeline view in Trino.")
app.add_typer(demo_app, name="demo")
app.add_typer(trino_app, name="trino")
letters_app = typer.Typer(no_args_is_help=True, help="Messages that could not be used.")
app.add_typer(letters_app, name="dead-letters")


@trino_app.callback()
def trino() -> None:
    """The timeline view in Trino."""


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def api() -> None:
    """Serve the API (settings by environment; docs/settings.md)."""
    from support_service.entrypoints.server import serve

    serve()


@app.command()
def worker() -> None:
    """Run the worker: relay, followers, due work, intake of shop events."""
    from support_service.entrypoints.worker import main as work

    work()


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version, as its owner."""
    import asyncio

    from support_service import migrations
    from support_service.config import Settings

    settings = Settings()
    asyncio.run(migrations.migrate(settings.owner_url, app_dsn=settings.database_url.get_secret_value()))
    typer.echo(f"The database is at revision {migrations.newest_revision()}.")


@app.command()
def doctor() -> None:
    """Say what is configured, reachable and wrong, and how to mend it."""
    from support_service.entrypoints.doctor import examine

    raise typer.Exit(examine())


@app.command()
def verify_cache(
    cases: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest open cases.")] = 200,
    at_most: Annotated[float, typer.Option(min=1, max=3600, help="Seconds after which it stops.")] = 120,
    url: Annotated[str | None, typer.Option(help="Read as a reader of this API does; else from REDIS_URL.")] = None,
    token: Annotated[str | None, typer.Option(envvar="TOKEN", help="An AGENT's or SUPERVISOR's, for --url.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Compare what readers are shown from caches with what the sources say now; 0 when no page breaks its promise."""
    from support_service.entrypoints.verify_cache import verify

    raise typer.Exit(verify(cases=cases, at_most_s=at_most, url=url, token=token, as_json=as_json))


@app.command()
def rebuild(
    since: Annotated[datetime, typer.Option("--from", help="From this time on, in UTC.")],
    until: Annotated[datetime | None, typer.Option("--to", help="To before this time; else to now.")] = None,
    *,
    anew: Annotated[bool, typer.Option(help="From the beginning, however far an earlier one has come.")] = False,
) -> None:
    """Take in once more what the shop said in a period, as far as Kafka still holds it; broken off, it goes on where it was."""
    from support_service.entrypoints.rebuild import rebuild as rebuilt

    raise typer.Exit(rebuilt(since, until, anew=anew))


@trino_app.command()
def apply(
    *, print_only: Annotated[bool, typer.Option("--print", help="Print the statements and change nothing.")] = False
) -> None:
    """Create or replace the timeline view and its parts, as this version needs them; changes nothing when they are so."""
    from support_service.entrypoints.trino import apply_views

    raise typer.Exit(apply_views(print_only=print_only))


@letters_app.command("list")
def list_letters(
    topic: Annotated[str | None, typer.Option(help="Those of one topic.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the oldest.")] = 100,
) -> None:
    """List dead letters: where each came from, since when, and why it could not be used."""
    from support_service.entrypoints.dead_letters import list_kept

    raise typer.Exit(list_kept(topic=topic, limit=limit))


@letters_app.command("show")
def show_letter(dead_letter_id: Annotated[UUID, typer.Argument(help="As `list` tells it.")]) -> None:
    """Show a dead letter whole, as it came; it may hold personal data."""
    from support_service.entrypoints.dead_letters import show

    raise typer.Exit(show(dead_letter_id))


@letters_app.command("replay")
def replay_letters(
    dead_letter_ids: Annotated[list[UUID] | None, typer.Argument(help="As `list` tells them.")] = None,
    topic: Annotated[str | None, typer.Option(help="All of one topic.")] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
) -> None:
    """Take dead letters in once more, say once a new version understands them; 1 when some still cannot be used."""
    from support_service.entrypoints.dead_letters import replay

    if bool(dead_letter_ids) + (topic is not None) + all_of_them != 1:
        raise typer.BadParameter("name some, or a topic, or --all")
    raise typer.Exit(replay(dead_letter_ids, topic=topic))


@app.command()
def token(
    role: Annotated[
        str, typer.Option(help="AGENT, SUPERVISOR, ANALYST or SERVICE: the first demo person with it.")
    ] = "",
    person: Annotated[str, typer.Option(help="A demo person's subject, such as demo-linh.")] = "",
) -> None:
    """Print an access token of the running demo of this checkout, as the last line of standard output."""
    from support_service.demo.switch import NoDemo, sign_in

    try:
        typer.echo(sign_in(role=role or None, subject=person or None))
    except (NoDemo, LookupError) as error:
        typer.echo(f"No token: {error}", err=True)
        raise typer.Exit(1) from error


@demo_app.callback()
def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port of the API and its page.")] = 8360,
    olist: Annotated[Path | None, typer.Option(help="Folder with the Olist CSV files; else a simulated shop.")] = None,
    seed: Annotated[int, typer.Option(help="Makes the simulated shop and its events reproducible.")] = 7,
) -> None:
    """Run the demo in the foreground until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    from support_service.demo.supervisor import run

    raise typer.Exit(run(port=port, olist=olist, seed=seed))


@demo_app.command()
def stop(part: Annotated[str, typer.Argument(help="lake, rest or events")]) -> None:
    """Take a part of the running demo away, to see what the service makes of it."""
    _switch(part, running=False)


@demo_app.command()
def start(part: Annotated[str, typer.Argument(help="lake, rest or events")]) -> None:
    """Give a part of the running demo back."""
    _switch(part, running=True)


def _switch(part: str, *, running: bool) -> None:
    from support_service.demo.switch import NoDemo, switch

    try:
        typer.echo(switch(part, running=running))
    except (NoDemo, ValueError) as error:
        typer.echo(f"Nothing done: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    main()
