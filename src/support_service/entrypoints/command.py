"""Commands of an operator that work on the running service's parts: once, and then they are done."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import ValidationError
from rich.console import Console

from support_service import wiring
from support_service.config import Settings
from support_service.demo.state import DemoFolder
from support_service.kit import logs
from support_service.kit.problems import Problem

console = Console(highlight=False)


def run(name: str, work: Callable[[wiring.Services], Awaitable[int]]) -> int:
    """Do this as a process of this name; returns the exit status, 1 when it could not be done, and says why.

    Without settings of its own the command works on this checkout's running demo.
    """
    logs.configure(log_format="console", level="error")
    DemoFolder.of_this_checkout().lend_settings()

    async def done() -> int:
        services = wiring.Services(Settings(), name=name)
        try:
            return await work(services)
        finally:
            await services.close()

    try:
        return asyncio.run(done())
    except ValidationError:
        console.print("[red]Not done:[/] a setting is missing or wrong: support-service doctor says which.")
    except (Problem, wiring.NotConfigured) as error:
        console.print(f"[red]Not done:[/] {error}")
    return 1
