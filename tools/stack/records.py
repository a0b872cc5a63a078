"""What the stack knows about each component, on disk: the next launcher finds by it what a killed one left behind."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.stack.processes import Process


@dataclass(frozen=True, slots=True)
class Record:
    """One component of one stack, as it was last started."""

    process: Process
    ports: Mapping[str, int]
    settings: Mapping[str, str]
    facts: Mapping[str, str]
    """None of them until it was ready."""
    ready_s: float | None
    """Seconds from its start to its being ready; None when it never was."""

    @property
    def running(self) -> bool:
        """Whether its process is alive and was ready once."""
        return self.ready_s is not None and self.process.alive


def read(folder: Path) -> Record | None:
    """The record of the component whose folder this is."""
    try:
        said: dict[str, Any] = json.loads((folder / "record.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Record(**(said | {"process": Process(**said["process"])}))


def write(folder: Path, record: Record) -> None:
    """Keep the record; whole, or the one before stays."""
    write_private(folder / "record.json", json.dumps(asdict(record), indent=2))


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, by renaming, so that nobody ever reads half of it."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as content:
        content.write(text)
    fresh.replace(file)
