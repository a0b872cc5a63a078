"""Toxiproxy's proxies: connections that a test cuts, slows or silences."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from tools.stack.ports import HOST, free_ports
from tools.stack.web import ask


class Proxies:
    """All proxies of one Toxiproxy."""

    def __init__(self, url: str) -> None:
        """Use the Toxiproxy whose API is here."""
        self._url = url

    def __getitem__(self, name: str) -> "Proxy":
        """The proxy of that name; Refused when there is none."""
        return Proxy(f"{self._url}/proxies/{name}")

    def __iter__(self) -> Iterator[str]:
        """The names of all."""
        return iter(ask("GET", f"{self._url}/proxies"))

    def create(self, name: str, upstream: str) -> "Proxy":
        """Make a proxy on a free port; one of that name keeps its port.

        Args:
            name: to find it by.
            upstream: host:port that it leads to.
        """
        if name in self:
            ask("POST", f"{self._url}/proxies/{name}", json.dumps({"upstream": upstream, "enabled": True}))
        else:
            listen = f"{HOST}:{free_ports(1)[0]}"
            ask("POST", f"{self._url}/proxies", json.dumps({"name": name, "listen": listen, "upstream": upstream}))
        return self[name]

    def heal(self) -> None:
        """Let every proxy pass everything again."""
        ask("POST", f"{self._url}/reset")


class Proxy:
    """One proxy; each hurt lasts for its block."""

    def __init__(self, url: str) -> None:
        """Use the proxy that Toxiproxy keeps here."""
        self._url = url

    @property
    def address(self) -> str:
        """host:port to connect to in place of the upstream."""
        address: str = self._state()["listen"]
        return address

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Connections are refused, open ones end."""
        ask("POST", self._url, json.dumps({"enabled": False}))
        try:
            yield
        finally:
            ask("POST", self._url, json.dumps({"enabled": True}))

    def silent(self) -> contextlib.AbstractContextManager[None]:
        """Connections are accepted, and nothing comes back."""
        return self._toxic("timeout", timeout=0)

    def slow(self, milliseconds: int) -> contextlib.AbstractContextManager[None]:
        """Every piece of an answer comes so much later."""
        return self._toxic("latency", latency=milliseconds)

    def resets(self, after_milliseconds: int = 0) -> contextlib.AbstractContextManager[None]:
        """Connections are reset (TCP RST) after so long."""
        return self._toxic("reset_peer", timeout=after_milliseconds)

    @contextlib.contextmanager
    def _toxic(self, kind: str, **attributes: int) -> Iterator[None]:
        toxic = {"name": kind, "type": kind, "stream": "downstream", "attributes": attributes}
        ask("POST", f"{self._url}/toxics", json.dumps(toxic))
        try:
            yield
        finally:
            ask("DELETE", f"{self._url}/toxics/{kind}")

    def _state(self) -> Any:
        return ask("GET", self._url)
