"""Addresses that a request may be sent to when somebody else has named them: pure rules, no I/O.

Whoever can make a server send requests can reach what only that server reaches (OWASP: server side request forgery). So
an address is taken apart by one strict rule, which refuses whatever two parsers could read in two ways, and what its name
resolves to has to be of the public internet. The special-purpose addresses are those of IANA's registries (RFC 6890),
listed here as what Python's `ipaddress` knows of them depends on its patch release.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

AddressFault = Literal["malformed", "scheme", "credentials", "fragment", "host", "port", "unresolved", "private"]
"""malformed: no plain absolute URL; scheme: not https; credentials: a user before the host; fragment: a part after #;
host: no plain name and no plain address; port: one that is not sent to; unresolved: the name leads nowhere now;
private: it leads to an address that is not of the public internet.
"""

LONGEST_URL = 2_000
_PLAIN = re.compile(r"[!-~]+")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?P<fragment>#.*)?")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
_FORBIDDEN = re.compile(r"[\\^`{|}<>\"]")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes a host a number for some parsers (WHATWG URL, ends-in-a-number checker)."""

_LONGEST_NAME = 253
_PORTS: dict[str, int] = {"https": 443, "http": 80}
_FIRST_FREE_PORT, _LAST_PORT = 1024, 65535

_SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # a public address by which a cloud's machines reach what rules them
    )
)  # fmt: skip
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, which carries an IPv4 address, is in it
        "2001:db8::/32",
        "2002::/16",  # 6to4, which carries one, too; nobody has been reached by it since RFC 7526
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    url: str
    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""

    port: int
    literal: Address | None
    """The address, where the host is one."""


class RefusedAddress(Exception):  # noqa: N818 - it says what became of the address
    """An address that nothing is sent to."""

    def __init__(self, fault: AddressFault) -> None:
        """Say why."""
        super().__init__(fault)
        self.fault: AddressFault = fault


def target_of(url: str, *, http: bool) -> Target:
    """Take a URL apart.

    Args:
        url: as somebody wrote it.
        http: whether it may be http; what such a name leads to must then be a network that is trusted by name.

    Raises:
        RefusedAddress: nothing is sent to such a URL.
    """
    match = _URL.fullmatch(url)
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url) or _FORBIDDEN.search(url) or match is None:
        raise RefusedAddress("malformed")
    scheme = match["scheme"].lower()
    if scheme != "https" and not (http and scheme == "http"):
        raise RefusedAddress("scheme")
    if "@" in match["authority"]:
        raise RefusedAddress("credentials")
    if match["fragment"] is not None:
        raise RefusedAddress("fragment")
    authority = _AUTHORITY.fullmatch(match["authority"])
    if authority is None:
        raise RefusedAddress("host")
    host = authority["host"].lower().strip("[]")
    port = int(authority["port"] or _PORTS[scheme])
    if port != _PORTS[scheme] and not _FIRST_FREE_PORT <= port <= _LAST_PORT:
        raise RefusedAddress("port")
    return Target(url, scheme, host, port, _literal(host, bracketed=authority["host"].startswith("[")))


def may_be_reached(address: Address, trusted: Sequence[Network], *, encrypted: bool) -> bool:
    """Whether something may be sent to an address.

    Args:
        address: which one, as the name was resolved.
        trusted: networks that may be reached although they are not of the public internet, and without TLS.
        encrypted: whether TLS protects what is sent.
    """
    if any(address.version == network.version and address in network for network in trusted):
        return True
    return encrypted and is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address is one machine's on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    # Whatever else carries an IPv4 address (mapped, compatible, translated) is outside of what is given to machines.
    if address.scope_id is not None or address not in _GLOBAL_V6:
        return False
    return not any(address in network for network in _SPECIAL_V6)


def _literal(host: str, *, bracketed: bool) -> Address | None:
    """The address that a host is; None for a name."""
    try:
        if bracketed:
            return IPv6Address(host)
        labels = host.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return IPv4Address(host)  # four decimal numbers without leading zeros, and no other way to write it
    except AddressValueError as error:
        raise RefusedAddress("host") from error
    if len(host) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedAddress("host")
    return None
