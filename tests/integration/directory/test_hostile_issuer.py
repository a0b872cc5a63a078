"""An issuer that was taken over, or that somebody stands in front of: it is slow, endless, elsewhere, or has bad keys."""

import asyncio
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from support.clocks import HandClock
from support.forgeries import outcome
from support.issuer import Issuer, rsa_key
from support_service.adapters import oidc
from support_service.adapters.oidc import TokenVerifier

STRANGER = rsa_key("made-up", 1)
DISCOVERY, KEYS = "openid-configuration", "keys"


def made_up(issuer: Issuer, count: int) -> list[str]:
    """Tokens that each name another key."""
    return [STRANGER.sign(issuer.claims(), kid=f"made-up-{n}") for n in range(count)]


async def test_a_thousand_made_up_key_ids_have_the_keys_fetched_once_in_thirty_seconds(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    await verifier.verify(issuer.token())
    tokens = made_up(issuer, 1_000)
    for expected in (2, 4, 6):
        asked = await asyncio.gather(*(outcome(verifier, token) for token in tokens))
        assert set(asked) == {"unknown-key"}
        assert issuer.asked == expected  # discovery and keys
        clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)


async def test_a_storm_of_made_up_key_ids_at_an_issuer_that_hangs_keeps_nobody_waiting_who_is_known(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "FETCH_DEADLINE_S", 3.0)
    await verifier.verify(issuer.token())
    issuer.delay_s = 60
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    storm = [asyncio.create_task(outcome(verifier, token)) for token in made_up(issuer, 200)]
    await asyncio.sleep(0.1)
    started = time.monotonic()
    assert await outcome(verifier, issuer.token()) == "person-1"
    assert time.monotonic() - started < 2
    assert set(await asyncio.gather(*storm)) == {"unavailable"}
    assert time.monotonic() - started < 20
    assert issuer.fetches == 2


async def test_keys_that_trickle_are_given_up_at_the_deadline(
    verifier: TokenVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "FETCH_DEADLINE_S", 0.4)

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for byte in json.dumps({"keys": issuer.jwks}).encode():
            await response.write(bytes([byte]))
            await asyncio.sleep(0.05)
        return response

    for part in (KEYS, DISCOVERY):
        issuer.answers = {part: trickle}
        started = time.monotonic()
        assert await outcome(verifier, issuer.token()) == "unavailable"
        assert time.monotonic() - started < 5


async def test_ten_megabytes_are_not_read(verifier: TokenVerifier, issuer: Issuer, clock: HandClock) -> None:
    await verifier.verify(issuer.token())
    sent: list[int] = []

    async def counted(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(160):
            await response.write(b" " * 65_536)
            sent.append(65_536)
        return response

    for part in (KEYS, DISCOVERY):
        issuer.answers = {part: counted}
        sent.clear()
        clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
        assert await outcome(verifier, made_up(issuer, 1)[0]) == "unavailable"
        await asyncio.sleep(0.05)
        assert sum(sent) < 9_000_000
        assert await outcome(verifier, issuer.token()) == "person-1"


async def test_a_small_answer_that_unpacks_to_ten_megabytes_is_not_kept(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    packed = gzip.compress(json.dumps({"keys": issuer.jwks}).encode() + b" " * 10_000_000)

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=packed, headers={"content-encoding": "gzip", "content-type": "application/json"})

    issuer.answers = {KEYS: answer}
    started = time.monotonic()
    assert await outcome(verifier, issuer.token()) == "unavailable"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("part", [DISCOVERY, KEYS])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_followed_to_another_host(
    verifier: TokenVerifier, issuer: Issuer, attacker: Issuer, part: str, status: int
) -> None:
    async def elsewhere(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"location": f"{attacker.url}/keys"})

    issuer.answers = {part: elsewhere}
    assert await outcome(verifier, rsa_key("first", 1).sign(issuer.claims())) == "unavailable"
    assert attacker.asked == 0


@pytest.mark.parametrize(
    "named", ["{attacker}", "{issuer}/", "{issuer}.evil.example", "HTTP{rest}", "", None, ["{issuer}"]]
)
async def test_a_discovery_document_that_names_another_issuer_is_not_believed(
    verifier: TokenVerifier, issuer: Issuer, attacker: Issuer, named: Any
) -> None:
    told = (
        named.format(attacker=attacker.url, issuer=issuer.url, rest=issuer.url[4:]) if isinstance(named, str) else named
    )
    issuer.discovery = {"issuer": told, "jwks_uri": f"{attacker.url}/keys"}
    assert await outcome(verifier, rsa_key("first", 1).sign(issuer.claims())) == "unavailable"
    assert attacker.asked == 0


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "//127.0.0.1/keys", "javascript:1", "http://\x00/",
     "http://0x7f000001/keys", "http://localhost.evil.example/", 7, ["http://127.0.0.1/"]],
)  # fmt: skip
async def test_an_address_of_keys_that_is_none_is_no_answer(
    verifier: TokenVerifier, issuer: Issuer, address: object
) -> None:
    issuer.discovery = {"jwks_uri": address}
    assert await outcome(verifier, issuer.token()) == "unavailable"


def plain(status: int, body: bytes = b"{}") -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    return answer


@pytest.mark.parametrize("part", [DISCOVERY, KEYS])
@pytest.mark.parametrize(
    "answer",
    [plain(204), plain(206), plain(404), plain(500), plain(200, b"<html>"), plain(200, b"\xff\xfe"), plain(200, b"[" * 90_000),
     plain(200, b'{"keys": ' + b"9" * 5_000 + b"}"), plain(200, b'\xef\xbb\xbf{"keys": []}'), plain(200, b'"keys"')],
)  # fmt: skip
async def test_an_answer_that_is_no_document_is_no_answer(
    verifier: TokenVerifier, issuer: Issuer, part: str, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> None:
    issuer.answers = {part: answer}
    assert await outcome(verifier, issuer.token()) == "unavailable"


async def test_a_key_that_was_taken_back_is_refused_at_once_by_who_has_heard_nothing_for_twenty_minutes(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    stolen = issuer.token()
    await verifier.verify(stolen)
    issuer.publish(rsa_key("second", 1))
    issuer.delay_s = 0.2
    clock.go_on(oidc.BELIEVED_S)
    asked = [asyncio.create_task(outcome(verifier, stolen)) for _ in range(3)]
    await asyncio.sleep(0.05)
    asked += [asyncio.create_task(outcome(verifier, stolen)) for _ in range(3)]  # while the keys are on their way
    assert set(await asyncio.gather(*asked)) == {"unknown-key"}
    assert issuer.fetches == 2


async def test_known_keys_stay_good_for_as_long_as_an_issuer_is_away(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    await verifier.verify(issuer.token())
    await issuer.stop()
    for _ in range(4):
        clock.go_on(oidc.BELIEVED_S)
        assert await outcome(verifier, issuer.token()) == "person-1"
