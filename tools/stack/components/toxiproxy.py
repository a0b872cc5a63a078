"""Toxiproxy 2.5.0: proxies that tests cut, slow and silence (see `tools.stack.proxies`), built from its Go source."""

from typing import Final

from tools.stack.cache import Cache
from tools.stack.component import Component, Facts, Site
from tools.stack.fetch import GoProgram, go_program
from tools.stack.ports import HOST
from tools.stack.processes import Process
from tools.stack.web import answers

_PROGRAM: Final = GoProgram(
    "github.com/Shopify/toxiproxy/v2", "v2.5.0", "./cmd/server", "h1:i4LPT+qrSlKNtQf5QliVjdP08GyAH8+BUIc9gT0eahc="
)
_ENTRY: Final = "toxiproxy-2.5.0"


class Toxiproxy(Component):
    """Its API; whoever wants a proxy makes it there."""

    name = "toxiproxy"
    title = "Toxiproxy 2.5.0"
    size = "20 MB of Go sources"
    ready_deadline_s = 15.0

    def provisioned(self, cache: Cache) -> bool:
        return _ENTRY in cache

    def provision(self, cache: Cache) -> None:
        cache.entry(_ENTRY, lambda folder: go_program(_PROGRAM, folder / "toxiproxy"))

    def start(self, site: Site) -> Process:
        program = site.cache.path(_ENTRY) / "toxiproxy"
        return site.spawn(program, "-host", HOST, "-port", str(site.ports["main"]), environment={"LOG_LEVEL": "warn"})

    def ready(self, site: Site) -> bool:
        return answers(f"{site.http()}/proxies")

    def settle(self, site: Site) -> Facts:
        return {"url": site.http()}


COMPONENT = Toxiproxy()
