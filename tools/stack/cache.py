"""The cache of what components are made of: outside the checkout, shared by all of a person's checkouts and runs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.stack.locks import locked

_BUILD_PATIENCE_S: Final = 1_800.0
"""How long to wait for another process that makes the same entry, in seconds."""


class Cache:
    """Folders by name, each whole or absent."""

    def __init__(self, root: Path | None = None) -> None:
        """Use this folder, else SUPPORT_CACHE, else the person's cache."""
        self.root = (root or _default_root()).absolute()

    def __contains__(self, name: str) -> bool:
        """Whether the entry is there."""
        return self.path(name).exists()

    def path(self, name: str) -> Path:
        """Where the entry is, or will be."""
        return self.root / name

    def entry(self, name: str, build: Callable[[Path], None]) -> Path:
        """The folder of an entry, made by `build` unless it is there.

        `build` fills an empty folder beside the final place, which is then renamed: a killed or failed build leaves
        nothing that looks whole. Of several processes one builds and the others wait for it.

        Args:
            name: says what it is and in which version; an entry never changes under its name.
            build: is given the empty folder.

        Raises:
            StackError: another process builds it for longer than half an hour; and whatever `build` raises.
        """
        place = self.path(name)
        if place.exists():
            return place
        with locked(self.root / "locks" / name, patience_s=_BUILD_PATIENCE_S, doing=f"provisioning {name}"):
            if not place.exists():
                building = self.root / "building" / name
                shutil.rmtree(building, ignore_errors=True)
                building.mkdir(parents=True)
                try:
                    build(building)
                    building.rename(place)
                finally:
                    shutil.rmtree(building, ignore_errors=True)
        return place


def _default_root() -> Path:
    if named := os.environ.get("SUPPORT_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "support-service"
