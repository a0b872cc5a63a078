"""Free TCP ports on loopback that stay free while their owner restarts."""

import random
import socket
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
_LOWEST: Final = 15_000
_TRIES: Final = 1_000


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now; one that just stopped does not count as there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different free ports, from below those the system hands to outgoing connections.

    A component keeps its port when it is killed and started again; a port of the system's own range would meanwhile
    be taken by some client's connection.
    """
    chosen: list[int] = []
    for _ in range(_TRIES):
        if len(chosen) == count:
            return chosen
        port = random.randrange(_LOWEST, _first_ephemeral())  # noqa: S311 - spread, not secret
        if port not in chosen and is_free(port):
            chosen.append(port)
    message = f"no {count} free ports between {_LOWEST} and {_first_ephemeral()}"
    raise OSError(message)


def _first_ephemeral() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except OSError:
        first = 32_768
    return max(2 * _LOWEST, first)
