"""Starts and ends one component of one stack."""

import contextlib
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tools.stack import records
from tools.stack.cache import Cache
from tools.stack.component import Component, Facts, Site
from tools.stack.errors import StackError
from tools.stack.locks import locked
from tools.stack.ports import free_ports, is_free
from tools.stack.processes import Process
from tools.stack.records import Record

_ATTEMPTS: Final = 3
"""How often a component is started when somebody else takes a port of its."""
_POLL_S: Final = 0.05
_LOCK_SPARE_S: Final = 60.0


class _Died(Exception):  # noqa: N818 - what a process did
    """The process ended before it was ready."""


class Launcher:
    """One component in its folder. Several launchers, in several processes, may stand for the same one."""

    def __init__(self, component: Component, folder: Path, cache: Cache, cancelled: threading.Event) -> None:
        """Nothing is started; `cancelled` breaks off a start that is under way."""
        self.component = component
        self.folder = folder
        self._cache = cache
        self._cancelled = cancelled

    @property
    def record(self) -> Record | None:
        """How it was last started."""
        return records.read(self.folder)

    def start(self, settings: Mapping[str, str], given: Mapping[str, str], others: Mapping[str, Facts]) -> bool:
        """Start it and wait until it can be used; returns False when it runs already.

        Args:
            settings: every setting of it.
            given: those that were asked for by name: a running one that was started with others is refused.
            others: the facts of what it needs.

        Raises:
            StackError: it did not come up; its log's end is in the message.
        """
        with self._lock("starting"):
            record = self.record
            if record is not None and record.process.alive:
                if record.ready_s is not None:
                    self._refuse_other_settings(record, given)
                    return False
                record.process.end(self.component.endings)  # its launcher was killed while it started
            self.folder.joinpath("log").touch(mode=0o600)
            for attempt in range(1, _ATTEMPTS + 1):
                site = Site(self.folder, self._cache, self._ports(settings, record), settings, others)
                try:
                    self._start_at(site)
                except _Died:
                    if attempt < _ATTEMPTS and not all(map(is_free, site.ports.values())):
                        record = None  # somebody was quicker: take other ports
                        continue
                    raise StackError(
                        f"{self.component.title} ended before it was ready. {self._last_words()}"
                    ) from None
                break
        return True

    def stop(self) -> None:
        """End it; does nothing when it does not run."""
        with self._lock("ending"):
            record = self.record
            if record is not None and not record.process.end(self.component.endings):
                raise StackError(f"{self.component.title}, process {record.process.pid}, cannot be ended")

    def erase(self) -> None:
        """Delete all it keeps; it must be ended."""
        if record := self.record:
            self.component.erase(Site(self.folder, self._cache, record.ports, record.settings, {}))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_at(self, site: Site) -> None:
        site.log.replace(site.log.with_name("log.1"))
        began = time.monotonic()
        process = self.component.start(site)
        record = Record(process, site.ports, site.settings, {}, None)
        records.write(self.folder, record)
        try:
            self._wait_until_ready(site, process, began + self.component.ready_deadline_s)
            facts = self.component.settle(site)
        except BaseException:
            process.end(self.component.endings)
            raise
        records.write(self.folder, replace(record, facts=facts, ready_s=round(time.monotonic() - began, 2)))

    def _wait_until_ready(self, site: Site, process: Process, deadline: float) -> None:
        while not self.component.ready(site):
            if not process.alive:
                raise _Died
            if self._cancelled.is_set():
                raise StackError(f"the start of {self.component.title} was broken off")
            if time.monotonic() > deadline:
                late = f"{self.component.title} was not ready within {self.component.ready_deadline_s:.0f} s."
                raise StackError(f"{late} {self._last_words()}")
            time.sleep(_POLL_S)

    def _ports(self, settings: Mapping[str, str], before: Record | None) -> dict[str, int]:
        """The ports it had before, so that a restart is seen by its clients as one; others when they are taken."""
        names = self.component.ports(settings)
        if before is not None and set(before.ports) == set(names) and all(map(is_free, before.ports.values())):
            return dict(before.ports)
        return dict(zip(names, free_ports(len(names)), strict=True))

    def _refuse_other_settings(self, record: Record, given: Mapping[str, str]) -> None:
        for setting, value in given.items():
            if record.settings.get(setting) != value:
                runs = f"{self.component.title} runs with {setting}={record.settings.get(setting)}, not {value}"
                raise StackError(f"{runs}: end it first")

    def _last_words(self) -> str:
        log = self.folder / "log"
        lines: list[str] = []
        with contextlib.suppress(FileNotFoundError):
            lines = log.read_text("utf-8", "replace").splitlines()[-12:]
        return "\n".join([f"{log} ends with:", *(f"  {line[:300]}" for line in lines)])

    def _lock(self, doing: str) -> contextlib.AbstractContextManager[None]:
        patience_s = _ATTEMPTS * self.component.ready_deadline_s + _LOCK_SPARE_S
        return locked(self.folder.with_suffix(".lock"), patience_s=patience_s, doing=f"{doing} {self.component.name}")
