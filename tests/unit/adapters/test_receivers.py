"""Posting to strangers: to the address that was checked and to no other, within bounds, whatever they answer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path

import pytest
from aiohttp import web
from tools.stack.certificates import self_signed

from support.ports import free_port
from support.receivers import Receiver, answers, endless, hangs, open_receiver, resets
from support_service.adapters import receivers as adapter
from support_service.adapters.receivers import HttpReceivers
from support_service.kit.addresses import Address, RefusedAddress
from support_service.ports.receivers import PostError, Reply

FIRST = ip_network("127.0.0.1/32")
LOOPBACK = ip_address("127.0.0.1")


class Names:
    """Names that lead where a test says; each look takes the next of several answers, the last one stays."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self._names = {name.replace("_", "."): list(looks) for name, looks in names.items()}
        self.looks = 0

    async def __call__(self, name: str) -> Sequence[Address]:
        self.looks += 1
        looks = self._names.get(name)
        if looks is None:
            raise OSError
        return [ip_address(one) for one in (looks.pop(0) if len(looks) > 1 else looks[0])]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


def named(receiver: Receiver, name: str) -> str:
    return receiver.url.replace("127.0.0.1", name)


async def post(sender: HttpReceivers, url: str) -> Reply:
    try:
        return await sender.post(url, {"webhook-id": "1"}, b"{}")
    finally:
        await sender.close()


async def fault_of(sender: HttpReceivers, url: str) -> str:
    with pytest.raises(PostError) as failed:
        await post(sender, url)
    return failed.value.fault


async def test_a_body_is_posted_as_it_is_and_the_answer_is_told(receiver: Receiver) -> None:
    receiver.answer = answers(200, "fine\x00\n\u200bthänk you")
    reply = await post(HttpReceivers([FIRST]), receiver.url + "?key=1")
    assert (reply.status, reply.retry_after_s, reply.excerpt) == (200, None, "fine   thänk you")
    (got,) = receiver.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook?key=1", b"{}", "1")
    assert {name.lower() for name in got.headers} == {
        "accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent", "webhook-id",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
     "2130706433", "0x7f.1", "0", "0.0.0.0", "[::]", "169.254.169.254"],  # noqa: S104 - nothing is bound to it
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_is_sent_to_what_is_not_public_however_it_is_written(
    receiver: Receiver, name: str, scheme: str
) -> None:
    url = named(receiver, name).replace("http:", f"{scheme}:")
    sender = HttpReceivers()
    with pytest.raises(RefusedAddress):
        await sender.check(url)
    assert await fault_of(sender, url) == "address_refused"
    assert receiver.got == []


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("93.184.215.14", "127.0.0.1"),
        ("10.0.0.1",),
        ("::1",),
        ("64:ff9b::a9fe:a9fe",),
        ("fe80::1%eth0",),
    ],
)
async def test_a_name_is_refused_unless_everything_it_leads_to_may_be_reached(
    receiver: Receiver, addresses: tuple[str, ...]
) -> None:
    url = named(receiver, "receiver.example").replace("http:", "https:")
    sender = HttpReceivers(resolve=Names(receiver_example=[addresses]))
    with pytest.raises(RefusedAddress) as refused:
        await sender.check(url)
    assert refused.value.fault == "private"
    assert await fault_of(sender, url) == "address_refused"
    assert receiver.got == []


async def test_http_is_not_sent_to_a_public_address_although_a_network_is_trusted(receiver: Receiver) -> None:
    names = Names(receiver_example=[("93.184.215.14",)])
    assert (
        await fault_of(HttpReceivers([FIRST], resolve=names), named(receiver, "receiver.example")) == "address_refused"
    )


async def test_a_name_that_is_answered_otherwise_after_the_check_changes_nothing(receiver: Receiver) -> None:
    port = int(receiver.url.split(":")[2].partition("/")[0])
    async with open_receiver("127.0.0.2", port) as hidden:
        names = Names(receiver_example=[("127.0.0.1",), ("127.0.0.2",)])
        reply = await post(HttpReceivers([FIRST], resolve=names), named(receiver, "receiver.example"))
        assert (reply.status, names.looks, len(receiver.got), hidden.got) == (204, 1, 1, [])
        assert receiver.got[0].headers["Host"].startswith("receiver.example:")
        assert (
            await fault_of(HttpReceivers([FIRST], resolve=names), named(receiver, "receiver.example"))
            == "address_refused"
        )
        assert hidden.got == []


async def test_each_post_resolves_anew_and_has_a_connection_of_its_own(receiver: Receiver) -> None:
    names = Names(receiver_example=[("127.0.0.1",)])
    sender = HttpReceivers([FIRST], resolve=names)
    for _ in range(3):
        await sender.post(named(receiver, "receiver.example"), {}, b"{}")
    await sender.close()
    assert names.looks == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_like_another_and_not_followed(receiver: Receiver, status: int) -> None:
    async with open_receiver("127.0.0.2") as hidden:
        receiver.answer = answers(status, location=hidden.url)
        reply = await post(HttpReceivers([FIRST, ip_network("127.0.0.2/32")]), receiver.url)
        assert (reply.status, hidden.got) == (status, [])


async def test_of_a_body_without_end_only_the_beginning_is_read(receiver: Receiver) -> None:
    pieces: list[int] = []

    async def counted(request: web.Request) -> web.StreamResponse:
        return await endless(request, pieces)

    receiver.answer = counted
    reply = await asyncio.wait_for(post(HttpReceivers([FIRST]), receiver.url), 5)
    assert (reply.status, reply.excerpt) == (500, "x" * 200)
    assert sum(pieces) < 16 * 2**20, "what lies between may hold some, and no more"


async def test_a_body_that_does_not_come_does_not_hide_the_status(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=410)
        await response.prepare(request)
        await response.write(b"gone")
        return await hangs(request)

    monkeypatch.setattr(adapter, "_EXCERPT_WITHIN_S", 0.2)
    receiver.answer = slow
    reply = await post(HttpReceivers([FIRST]), receiver.url)
    assert (reply.status, reply.excerpt) == (410, "gone")


async def test_a_small_answer_does_not_unfold_into_a_large_one(receiver: Receiver) -> None:
    receiver.answer = answers(500, "not really", content_encoding="gzip")
    reply = await post(HttpReceivers([FIRST]), receiver.url)
    assert (reply.status, reply.excerpt) == (500, "not really")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("120", 120), ("0", 0), ("99999999999999999999", 10**9), ("-1", None), ("soon", None), ("", None)],
)
async def test_how_long_to_leave_it_alone_is_read_as_seconds(
    receiver: Receiver, asked: str, seconds: float | None
) -> None:
    receiver.answer = answers(503, retry_after=asked)
    assert (await post(HttpReceivers([FIRST]), receiver.url)).retry_after_s == seconds


async def test_how_long_to_leave_it_alone_is_read_as_a_time(receiver: Receiver) -> None:
    receiver.answer = answers(503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")
    assert (await post(HttpReceivers([FIRST]), receiver.url)).retry_after_s == 0


async def test_who_does_not_answer_in_time_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "DEADLINE_S", 0.3)
    receiver.answer = hangs
    assert await asyncio.wait_for(fault_of(HttpReceivers([FIRST]), receiver.url), 5) == "timeout"


async def test_a_cut_connection_nobody_there_and_no_such_name_are_told_apart(receiver: Receiver) -> None:
    receiver.answer = resets
    assert await fault_of(HttpReceivers([FIRST]), receiver.url) == "broken"
    assert await fault_of(HttpReceivers([FIRST]), f"http://127.0.0.1:{free_port()}/") == "unreachable"
    names = Names()
    assert await fault_of(HttpReceivers([FIRST], resolve=names), "https://nowhere.example/") == "unresolved"
    with pytest.raises(RefusedAddress) as refused:
        await HttpReceivers(resolve=names).check("https://nowhere.example/")
    assert refused.value.fault == "unresolved"


async def test_the_certificate_must_be_of_the_name_although_the_address_is_pinned(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "receiver.pem", "receiver.example")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(certificate))
    server.load_cert_chain(certificate)
    names = Names(receiver_example=[("127.0.0.1",)], other_example=[("127.0.0.1",)])
    trusted: Sequence[IPv4Network] = [IPv4Network("127.0.0.1/32")]
    async with open_receiver(tls=server) as receiver:
        good, other = named(receiver, "receiver.example"), named(receiver, "other.example")
        assert (await post(HttpReceivers(trusted, resolve=names, tls=client), good)).status == 204
        assert await fault_of(HttpReceivers(trusted, resolve=names, tls=client), other) == "tls"
        assert await fault_of(HttpReceivers(trusted, resolve=names), good) == "tls"  # nobody known has signed it
        assert len(receiver.got) == 1


async def test_names_are_resolved_as_the_machine_does() -> None:
    sender = HttpReceivers()
    assert LOOPBACK in await sender._resolve("localhost")
    assert isinstance(LOOPBACK, IPv4Address)
    await sender.close()
