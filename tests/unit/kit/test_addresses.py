"""Where something is sent to when somebody else says where: nothing that is not plainly of the public internet."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.kit.addresses import RefusedAddress, is_public, may_be_reached, target_of

HOSTILE = {
    # no https
    "http://receiver.example/": "scheme",
    "ftp://receiver.example/": "scheme",
    "file:///etc/passwd": "scheme",
    "gopher://receiver.example:70/_x": "scheme",
    "javascript://receiver.example/%0aalert(1)": "scheme",
    "receiver.example/hook": "malformed",
    "//receiver.example/hook": "malformed",
    "https:/receiver.example": "malformed",
    "https:receiver.example": "malformed",
    "": "malformed",
    # another host than it seems
    "https://receiver.example@127.0.0.1/": "credentials",
    "https://user:word@receiver.example/": "credentials",
    "https://@127.0.0.1/": "credentials",
    "https://receiver.example\\@127.0.0.1/": "malformed",
    "https:\\\\127.0.0.1\\": "malformed",
    "https://127.0.0.1\\.receiver.example/": "malformed",
    "https://receiver.example#@127.0.0.1/": "fragment",
    "https://receiver.example/hook#part": "fragment",
    "https://receiver.example /": "malformed",
    "https://receiver.example/\r\nhost: other": "malformed",
    "https://receiver.example/\x00": "malformed",
    "https://receiver.example/ü": "malformed",
    "https://receiver%2eexample/": "host",
    "https://127%2e0%2e0%2e1/": "host",
    "https:///hook": "host",
    "https://.receiver.example/": "host",
    "https://receiver..example/": "host",
    "https://-receiver.example/": "host",
    "https://receiver_example.test/": "host",
    f"https://{'a' * 64}.example/": "host",
    f"https://{'a.' * 127}example/": "host",
    # other ways to write 127.0.0.1
    "https://2130706433/": "host",
    "https://0x7f000001/": "host",
    "https://0x7f.0.0.1/": "host",
    "https://0X7F.1/": "host",
    "https://017700000001/": "host",
    "https://0177.0.0.1/": "host",
    "https://127.1/": "host",
    "https://127.0.1/": "host",
    "https://0/": "host",
    "https://127.0.0.1./": "host",
    "https://localhost./": "host",
    "https://127.0.0.256/": "host",
    "https://127.0.0.1.1/": "host",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/": "malformed",
    "https://127。0。0。1/": "malformed",
    "https://①②⑦.0.0.1/": "malformed",
    "https://ⓛocalhost/": "malformed",
    # addresses of version 6 with something in or after them
    "https://[fe80::1%25eth0]/": "host",
    "https://[fe80::1%eth0]/": "host",
    "https://[::1": "host",
    "https://::1/": "host",
    "https://[127.0.0.1]/": "host",
    "https://[v1.fe80::a]/": "host",
    "https://[::1]x/": "host",
    # ports
    "https://receiver.example:22/": "port",
    "https://receiver.example:25/": "port",
    "https://receiver.example:80/": "port",
    "https://receiver.example:0/": "port",
    "https://receiver.example:65536/": "port",
    "https://receiver.example:/": "host",
    "https://receiver.example:443:443/": "host",
    "https://receiver.example:+443/": "host",
    "https://receiver.example/" + "a" * 2_000: "malformed",
}

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
    "::", "::1", "::2", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1",
    "100::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "2606:4700::1%eth0", "4000::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1",
          "64:ff9b::8.8.8.8"]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_what_could_lead_elsewhere_than_it_seems_is_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(RefusedAddress) as refused:
        target_of(url, http=False)
    assert refused.value.fault == HOSTILE[url]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_special_address_is_public_nor_one_that_carries_a_private_one(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_may_be_reached_over_tls_only(address: str) -> None:
    assert may_be_reached(ip_address(address), (), encrypted=True)
    assert not may_be_reached(ip_address(address), (), encrypted=False)


@pytest.mark.parametrize(
    ("url", "host", "port", "literal"),
    [
        ("https://Receiver.Example/hook?key=1&b=%20", "receiver.example", 443, None),
        ("HTTPS://receiver.example:8443", "receiver.example", 8443, None),
        ("https://receiver.example:443/", "receiver.example", 443, None),
        ("https://xn--80ak6aa92e.com:1024/", "xn--80ak6aa92e.com", 1024, None),
        ("https://93.184.215.14/", "93.184.215.14", 443, IPv4Address("93.184.215.14")),
        ("https://[2606:4700:4700::1111]:9443/", "2606:4700:4700::1111", 9443, IPv6Address("2606:4700:4700::1111")),
        ("https://localhost/", "localhost", 443, None),  # its address is what counts
    ],
)
def test_a_plain_url_is_taken_apart(url: str, host: str, port: int, literal: object) -> None:
    target = target_of(url, http=False)
    assert (target.url, target.host, target.port, target.literal) == (url, host, port, literal)


def test_a_trusted_network_may_be_reached_without_tls_and_what_lies_beside_it_may_not() -> None:
    trusted = (ip_network("10.8.0.0/16"), ip_network("fd00:8::/32"))
    for address in ("10.8.0.1", "10.8.255.255", "fd00:8::1"):
        assert may_be_reached(ip_address(address), trusted, encrypted=False)
    for address in ("10.9.0.1", "127.0.0.1", "fd00:9::1", "::ffff:10.8.0.1", "64:ff9b::10.8.0.1"):
        assert not may_be_reached(ip_address(address), trusted, encrypted=True)


def test_http_is_taken_only_where_a_network_is_trusted() -> None:
    assert target_of("http://10.8.0.1/hook", http=True).port == 80
    with pytest.raises(RefusedAddress):
        target_of("http://10.8.0.1:443/hook", http=True)


@given(st.text(max_size=60))
def test_whatever_somebody_writes_is_a_plain_target_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://receiver.example{text}"):
        try:
            target = target_of(url, http=False)
        except RefusedAddress:
            continue
        assert target.scheme == "https"
        assert target.url.isascii()
        assert "@" not in target.host


@given(st.ip_addresses(v=4))
def test_what_is_private_of_version_4_is_private_however_version_6_carries_it(address: IPv4Address) -> None:
    carried = int(address)
    for prefix in ("::", "::ffff:0:0", "64:ff9b::"):
        inside = IPv6Address(int(IPv6Address(prefix)) | carried)
        assert is_public(inside) <= is_public(address)
    assert not is_public(IPv6Address((0x2002 << 112) | (carried << 80)))
