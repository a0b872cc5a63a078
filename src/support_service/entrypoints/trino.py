"""`support-service trino apply`: the timeline view brought into Trino, from the sources' one SELECT each."""

import asyncio

from rich.console import Console

from support_service import wiring
from support_service.adapters.trino import AppliedView, TrinoError, apply_view, view_statements
from support_service.config import Settings
from support_service.sources import timeline_selects


def apply_views(*, print_only: bool) -> int:
    """Apply, or print what would be applied; returns 1 when it could not be done."""
    settings = Settings()
    console = Console(highlight=False)
    try:
        selects = timeline_selects(settings.trino_tables)
    except ValueError as error:
        console.print(f"[red]TRINO_TABLES:[/] {error}")
        return 1
    if print_only:
        for statement in view_statements(settings.trino_view, selects):
            print(f"{statement.sql};\n")  # noqa: T201 - the statements alone, to be piped
        return 0
    try:
        applied = asyncio.run(_apply(settings, selects))
    except (wiring.NotConfigured, TrinoError) as error:
        console.print(f"[red]Not applied:[/] {error}")
        return 1
    for view in applied:
        console.print(f"{view.state:10} {view.name}")
    return 0


async def _apply(settings: Settings, selects: dict[str, str]) -> list[AppliedView]:
    client = wiring.trino_client(settings, process="apply")
    try:
        return await apply_view(client, view=settings.trino_view, selects=selects)
    finally:
        await client.close()
