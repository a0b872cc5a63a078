"""The stack: real components under one folder, started once and shared by every process that names that folder."""

import concurrent.futures
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tools.stack import records
from tools.stack.cache import Cache
from tools.stack.component import Component, Facts
from tools.stack.errors import NotProvisioned, StackError
from tools.stack.launcher import Launcher
from tools.stack.locks import locked
from tools.stack.ports import HOST
from tools.stack.processes import Process, spawn
from tools.stack.records import Record
from tools.stack.registry import Settings, all_components, chosen_settings, in_order

CHECKOUT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Status:
    """One component as a person sees it."""

    name: str
    title: str
    state: str
    """ready, starting or ended"""
    address: str
    pid: int | None
    resident_mb: float
    ready_s: float | None


class Stack:
    """The components under one folder.

    `up` starts what is not running yet and leaves it running when this process ends; `with stack.up(...)` ends and
    deletes it at the end of the block, or when this process is killed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        cache: Cache | None = None,
        components: Mapping[str, Component] | None = None,
    ) -> None:
        """Nothing is started.

        Args:
            folder: holds everything of this stack.
            settings: `<component>.<setting>`, for what is started from here. What is not named stays as this folder had
                it the last time, else at its default.
            cache: where components are provisioned.
            components: by name; all there are when None.
        """
        self.folder = folder.absolute()
        self.cache = cache or Cache()
        self._components = dict(components or all_components())
        self._given = dict(settings or {})
        chosen_settings(self._components, {}, self._given)  # a wrong one is told at once
        self._cancelled = threading.Event()
        self._guard: Process | None = None

    @property
    def file(self) -> Path:
        """The address, process and other facts of every running component, as JSON; only its owner may read it."""
        return self.folder / "stack.json"

    def provision(self, *names: str, say: Callable[[str], None] = lambda _: None) -> None:
        """Bring the named components and all they need to this machine; all there are when none is named.

        Args:
            names: of components.
            say: is told a sentence before anything that takes time.

        Raises:
            Missing: a component cannot be had here.
            WrongContent: what a registry served is not what is pinned.
        """
        for name in self._order(names):
            component = self._components[name]
            if not component.provisioned(self.cache):
                say(f"provisioning {component.title} ({component.size})")
                component.provision(self.cache)

    def refuse_unprovisioned(self, *names: str) -> None:
        """Raise NotProvisioned when one of these, or of what they need, would first have to be fetched."""
        for name in self._order(names):
            component = self._components[name]
            if not component.provisioned(self.cache):
                how = f".venv/bin/python -m tools.stack provision {name}"
                raise NotProvisioned(f"{component.title} is not provisioned yet ({component.size}): {how}")

    def up(self, *names: str, say: Callable[[str], None] = lambda _: None) -> Self:
        """Start the named components and all they need, side by side, and wait until they are ready.

        What runs already, by whoever started it, is left as it is. When one does not come up, what this call started
        is ended again.

        Raises:
            StackError: one cannot be had, or did not come up.
        """
        self.provision(*names, say=say)
        order = self._order(names)
        started: list[str] = []
        with concurrent.futures.ThreadPoolExecutor(len(order)) as pool:
            starting: dict[str, concurrent.futures.Future[None]] = {}
            for name in order:
                starting[name] = pool.submit(self._start, name, dict(starting), started, say)
            try:
                for future in concurrent.futures.as_completed(starting.values()):
                    future.result()
            except BaseException:
                self._cancelled.set()
                concurrent.futures.wait(starting.values())
                self._cancelled.clear()
                self._stop(started)
                raise
        self._write_file()
        return self

    def down(self, *names: str, erase: bool = False) -> None:
        """End the named components, all when none is named, each before what it needs.

        Args:
            names: of components; nothing happens to one that does not run.
            erase: delete what they keep, too.

        Raises:
            StackError: one cannot be ended; the others are.
        """
        known = [name for name in self._order(()) if not names or name in names]
        self._stop([name for name in known if (self.folder / name).exists()], erase=erase)
        if not names:
            self._end_strangers()
        if erase and not names:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.folder.exists():
            self._write_file()

    def status(self) -> list[Status]:
        """Every component that was ever started here."""
        return [self._status(name, record) for name in self._order(()) if (record := self._launcher(name).record)]

    def __getitem__(self, name: str) -> "Running":
        """A component that `up` has started."""
        if self._launcher(name).record is None:
            raise StackError(f"{name} was not started in {self.folder}")
        return Running(self, name)

    def guard(self, owner: Process) -> Process:
        """Have the stack ended and erased once the owner is gone, however it goes; one guard a folder is enough."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = (sys.executable, "-m", "tools.stack.guard", self.folder, str(owner.pid), owner.born)
        return spawn(command, log=self.folder / "guard.log", cwd=CHECKOUT)

    def __enter__(self) -> Self:
        """End and erase the stack when the block ends, or this process."""
        owner = Process.of(os.getpid())
        assert owner is not None  # noqa: S101 - it is us
        self._guard = self.guard(owner)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down(erase=True)
        if self._guard is not None:
            self._guard.end(((signal.SIGKILL, 5.0),))

    def record(self, name: str) -> Record:
        """What is known about a component; StackError when it was never started here."""
        record = self._launcher(name).record
        if record is None:
            raise StackError(f"{name} was not started in {self.folder}")
        return record

    @property
    def _settings(self) -> Settings:
        records = {name: self._launcher(name).record for name in self._components}
        before = {name: record.settings for name, record in records.items() if record is not None}
        return chosen_settings(self._components, before, self._given)

    def _order(self, names: tuple[str, ...]) -> list[str]:
        return in_order(self._components, names or self._components, self._settings)

    def _launcher(self, name: str) -> Launcher:
        return Launcher(self._components[name], self.folder / name, self.cache, self._cancelled)

    def _start(
        self,
        name: str,
        before: Mapping[str, "concurrent.futures.Future[None]"],
        started: list[str],
        say: Callable[[str], None],
    ) -> None:
        others: dict[str, Facts] = {}
        settings = self._settings[name]
        for need in self._components[name].needs(settings):
            before[need].result()
            others[need] = self.record(need).facts
        given = {key.partition(".")[2]: value for key, value in self._given.items() if key.startswith(f"{name}.")}
        self.folder.joinpath(name).mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._launcher(name).start(settings, given, others):
            started.append(name)
            say(f"{self._components[name].title} is ready after {self.record(name).ready_s} s")

    def _stop(self, names: list[str], *, erase: bool = False) -> None:
        failures = []
        for name in reversed([name for name in self._order(()) if name in names]):
            launcher = self._launcher(name)
            try:
                launcher.stop()
                if erase:
                    launcher.erase()
            except StackError as error:
                failures.append(str(error))
        if failures:
            raise StackError("; ".join(failures))

    def _end_strangers(self) -> None:
        """End what another version of the project had started here, and this one does not know."""
        for folder in {file.parent for file in self.folder.glob("*/record.json")}:
            record = records.read(folder)
            if folder.name not in self._components and record is not None:
                record.process.end(Component.endings)

    def _status(self, name: str, record: Record) -> Status:
        alive = record.process.alive
        return Status(
            name=name,
            title=self._components[name].title,
            state="ready" if record.running else "starting" if alive else "ended",
            address=f"{HOST}:{next(iter(record.ports.values()))}",
            pid=record.process.pid if alive else None,
            resident_mb=record.process.resident_mb(),
            ready_s=record.ready_s,
        )

    def _write_file(self) -> None:
        with locked(self.folder / "stack.lock", patience_s=10, doing="writing stack.json"):
            found = {name: self._launcher(name).record for name in self._components}
            running = {name: record for name, record in found.items() if record and record.running}
            said = {name: {"pid": record.process.pid, **record.facts} for name, record in running.items()}
            records.write_private(self.file, json.dumps(said, indent=2) + os.linesep)


class Running:
    """One started component, for tests: its addresses, and ways to hurt it."""

    def __init__(self, stack: Stack, name: str) -> None:
        """Use the component that the stack has started under this name."""
        self._stack = stack
        self.name = name

    @property
    def facts(self) -> Facts:
        """Everything others must know of it."""
        return self._stack.record(self.name).facts

    def __getitem__(self, fact: str) -> str:
        """One of its facts."""
        return self.facts[fact]

    @property
    def url(self) -> str:
        """Where it is."""
        return self["url"]

    @property
    def pid(self) -> int:
        """Its process, running or not."""
        return self._stack.record(self.name).process.pid

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self._stack.record(self.name).running

    @property
    def log(self) -> Path:
        """What it says, of this start."""
        return self._stack.folder / self.name / "log"

    def start(self) -> None:
        """Start it again, on the ports it had, and wait until it is ready."""
        self._stack.up(self.name)

    def stop(self) -> None:
        """End it in order."""
        self._stack.down(self.name)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process = self._stack.record(self.name).process
        if not process.end(((signal.SIGKILL, 10.0),)):
            raise StackError(f"{self.name} outlived its killing")

    def pause(self) -> None:
        """Let it stand still: it accepts connections and answers nothing."""
        self._stack.record(self.name).process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._stack.record(self.name).process.send(signal.SIGCONT)
