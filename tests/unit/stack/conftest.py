"""A component that is a real process, and small: Python's own web server."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tools.stack import Cache, Stack
from tools.stack.component import Component, Facts, Site
from tools.stack.processes import Process
from tools.stack.web import answers


class Web(Component):
    """Serves its folder. `program` may be what does not serve; `needs` another component of the kind."""

    title = "A web server"
    ready_deadline_s = 10.0

    def __init__(self, name: str = "web", needs: tuple[str, ...] = (), program: tuple[str, ...] = ()) -> None:
        self.name = name  # type: ignore[misc]
        self.settings = {"greeting": "hello"}  # type: ignore[misc]
        self._needs = needs
        self._program = program
        self.settled = 0

    def needs(self, settings: object) -> tuple[str, ...]:
        return self._needs

    def provisioned(self, cache: Cache) -> bool:
        return self.name in cache

    def provision(self, cache: Cache) -> None:
        cache.entry(self.name, lambda folder: (folder / "made").touch())

    def start(self, site: Site) -> Process:
        server = ("-m", "http.server", "--bind", "127.0.0.1", str(site.ports["main"]))
        return site.spawn(sys.executable, *(self._program or server))

    def ready(self, site: Site) -> bool:
        return answers(f"{site.http()}/record.json")

    def settle(self, site: Site) -> Facts:
        self.settled += 1
        seen = {name: facts["url"] for name, facts in site.others.items()}
        return {"url": site.http(), "greeting": site.settings["greeting"], **seen}


@pytest.fixture
def make_web() -> type[Web]:
    """Makes such a component."""
    return Web


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Stacks of such components in one folder, ended with the test."""
    made: list[Stack] = []

    def make(*components: Web, **settings: str) -> Stack:
        named = {component.name: component for component in components or (Web(),)}
        given = {key.replace("__", "."): value for key, value in settings.items()}
        made.append(Stack(tmp_path / "stack", settings=given, cache=Cache(tmp_path / "cache"), components=named))
        return made[-1]

    yield make
    for stack in made:
        stack.down()
