"""What a person at another terminal does to the running demo of this checkout: switch a part, sign in."""

import time
from pathlib import Path

from support_service.adapters.embedded.issuer import LocalIssuer
from support_service.demo.people import PEOPLE, DemoPerson, first_with_role, person
from support_service.demo.state import PARTS, DemoFolder, DemoState
from support_service.kit.clock import SystemClock

AUDIENCE = "support-service"
"""The audience of the demo's tokens."""

_PATIENCE_S = 20.0
_POLL_S = 0.05

_DONE = {
    (
        "lake",
        False,
    ): "The lake is stopped: its role has no login. Within a minute, when what is cached has aged, timelines come from REST.",
    ("lake", True): "The lake runs again: timelines come back to it by themselves.",
    ("rest", False): "The REST services are stopped.",
    ("rest", True): "The REST services run again.",
    ("events", False): "The feed is stopped: the shop stands still.",
    ("events", True): "The feed runs again: the shop goes on.",
}


class NoDemo(Exception):  # noqa: N818 - not an error of the program: there is nothing to do it to
    """No demo runs in this checkout: start one with `make demo`."""


def switch(part: str, *, running: bool, folder: DemoFolder | None = None) -> str:
    """Have a part of the running demo stopped or started, and wait until it is.

    Args:
        part: lake, rest or events.
        running: what it should be.
        folder: of the demo; this checkout's when absent.

    Returns:
        What is true now, in a sentence.

    Raises:
        ValueError: there is no such part.
        NoDemo: no demo runs, or it ended meanwhile, or did not do it in 20 s.
    """
    if part not in PARTS:
        raise ValueError(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    folder = folder or DemoFolder.of_this_checkout()
    _running_demo(folder)
    folder.write_wanted(folder.read_wanted() | {part: running})
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if _running_demo(folder).parts.get(part) is running:
            return _DONE[part, running]
        time.sleep(_POLL_S)
    raise NoDemo(f"The demo has not {'started' if running else 'stopped'} {part} within {_PATIENCE_S:.0f} s.")


def sign_in(*, role: str | None = None, subject: str | None = None, folder: DemoFolder | None = None) -> str:
    """An access token for a person of the running demo: the subject's, else the first with the role, else the agent.

    Raises:
        NoDemo: no demo runs.
        LookupError: there is no such person.
    """
    state = _running_demo(folder or DemoFolder.of_this_checkout())
    try:
        who = person(subject) if subject else first_with_role(role or "AGENT")
    except LookupError as error:
        people = ", ".join(f"{known.subject} ({'/'.join(known.roles)})" for known in PEOPLE)
        raise LookupError(f"the demo has nobody like that; it has {people}") from error
    return token_of(who, issuer_key=Path(state.issuer_key))


def token_of(who: DemoPerson, *, issuer_key: Path) -> str:
    """An access token that the demo's issuer signs for a person."""
    issuer = LocalIssuer.from_file(issuer_key, audience=AUDIENCE, clock=SystemClock())
    return issuer.token(subject=who.subject, name=who.name, email=who.email, roles=who.roles, teams=who.teams)


def _running_demo(folder: DemoFolder) -> DemoState:
    state = folder.read_state()
    if state is None:
        raise NoDemo("No demo runs in this checkout: start one with `make demo`.")
    return state
