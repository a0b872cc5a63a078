"""What a component of the stack is; each is one file in `components/`, found there by its `COMPONENT`."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tools.stack.cache import Cache
from tools.stack.ports import HOST
from tools.stack.processes import Endings, Process, spawn

Facts = Mapping[str, str]
"""What others must know to use a component: `url` at least."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where one component of one stack runs, and with what."""

    folder: Path
    """Its own; what lies there is kept from start to start."""
    cache: Cache
    ports: Mapping[str, int]
    """The ports it asked for, by its names for them; free a moment ago."""
    settings: Mapping[str, str]
    """Every setting it declares, with the value that was chosen."""
    others: Mapping[str, Facts]
    """The facts of the components it needs, all of them ready."""

    @property
    def log(self) -> Path:
        """What it says goes here."""
        return self.folder / "log"

    def http(self, port: str = "main") -> str:
        """The URL of one of its ports."""
        return f"http://{HOST}:{self.ports[port]}"

    def spawn(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> Process:
        """Start its program in its folder."""
        return spawn(command, log=self.log, cwd=self.folder, environment=environment)


class Component(ABC):
    """One real component: how to get it, start it, know that it is ready, and end it."""

    name: ClassVar[str]
    title: ClassVar[str]
    """Name and version, for people."""
    size: ClassVar[str] = "small"
    """What provisioning downloads, for people."""
    settings: ClassVar[Mapping[str, str]] = {}
    """Its settings and their defaults; chosen as `<name>.<setting>`."""
    ready_deadline_s: ClassVar[float] = 30.0
    endings: ClassVar[Endings] = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
    """How it is ended, each signal with its seconds of patience."""

    def needs(self, settings: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002 - for those whose needs depend on them
        """The components that must be ready before it starts."""
        return ()

    def ports(self, settings: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002 - the same
        """Its names for the ports it listens on; the first is its address."""
        return ("main",)

    @abstractmethod
    def provisioned(self, cache: Cache) -> bool:
        """Whether everything it is made of is on this machine."""

    @abstractmethod
    def provision(self, cache: Cache) -> None:
        """Bring everything it is made of to this machine; returns at once when it is there.

        Raises:
            Missing: a tool that fetches it is not here, or it does not exist for this machine.
            WrongContent: what came is not what is pinned.
        """

    @abstractmethod
    def start(self, site: Site) -> Process:
        """Start its process and return without waiting."""

    @abstractmethod
    def ready(self, site: Site) -> bool:
        """Whether it answers; asked again and again, so it takes a second at most and does not raise."""

    @abstractmethod
    def settle(self, site: Site) -> Facts:
        """Make what its users expect to find, the first time and after every start; the facts it returns hold `url`."""

    def erase(self, site: Site) -> None:  # noqa: B027 - most have nothing
        """Delete what it keeps outside its folder."""
