"""Which address a request comes from: the peer's, unless it is a proxy that is trusted to say whose it is."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_PREFIX_OF_ONE_SUBSCRIBER = 64
_UNKNOWN = "unknown"


def client_of(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """The client as one key: an IPv4 address, or the /64 of an IPv6 one, of which one subscriber has all.

    Args:
        peer: the address at the other end of the connection.
        forwarded: X-Forwarded-For as it came, which anybody can write.
        trusted: the networks of proxies whose word is taken; of the addresses that they name, from the last to the first,
            the first that is not itself such a proxy.
    """
    found = _address(peer)
    if found is None:
        return _UNKNOWN
    for named in reversed((forwarded or "").split(",")):
        if not _within(found, trusted):
            break
        before = _address(named.strip())
        if before is None:
            break
        found = before
    return _key(found)


def _within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _key(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), _PREFIX_OF_ONE_SUBSCRIBER), strict=False))
