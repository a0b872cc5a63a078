"""The keys of an issuer that rotates them, goes away, comes back, lies, or is asked for keys that nobody has."""

import asyncio
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from support.clocks import HandClock
from support.issuer import Issuer, SigningKey, ec_key, ed_key, rsa_key
from support_service.adapters import oidc
from support_service.adapters.oidc import IssuerKeys, TokenVerifier
from support_service.ports.identity import IdentityUnavailable, InvalidToken


async def fault(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        await verifier.verify(token)
    return refused.value.reason


@pytest.mark.parametrize("key", [rsa_key("a"), rsa_key("b", algorithm="PS256"), ec_key("c"), ed_key("d")])
async def test_each_algorithm_that_is_allowed_works(verifier: TokenVerifier, issuer: Issuer, key: SigningKey) -> None:
    issuer.publish(key)
    assert (await verifier.verify(issuer.token())).subject == "person-1"


async def test_a_hundred_first_tokens_fetch_the_keys_once(verifier: TokenVerifier, issuer: Issuer) -> None:
    issuer.delay_s = 0.1
    await asyncio.gather(*(verifier.verify(issuer.token(jti=str(n))) for n in range(100)))
    assert issuer.fetches == 1


async def test_the_first_caller_going_away_does_not_end_the_fetch_of_the_others(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.delay_s = 0.2
    first = asyncio.create_task(verifier.verify(issuer.token()))
    others = [asyncio.create_task(verifier.verify(issuer.token(jti=str(n)))) for n in range(5)]
    await asyncio.sleep(0.05)
    first.cancel()
    assert len(await asyncio.gather(*others)) == 5
    assert issuer.fetches == 1


async def test_a_rotated_key_is_fetched_when_its_first_token_comes(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    old = issuer.token()
    await verifier.verify(old)
    issuer.publish(rsa_key("second", 1), *issuer.keys)
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    await verifier.verify(issuer.token())
    await verifier.verify(old)


async def test_unknown_key_ids_fetch_the_keys_once_in_thirty_seconds(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    await verifier.verify(issuer.token())
    stranger = rsa_key("made-up", 1)
    for n in range(50):
        assert await fault(verifier, stranger.sign(issuer.claims(), kid=f"made-up-{n}")) == "unknown-key"
    assert issuer.fetches == 1
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    for n in range(50):
        assert await fault(verifier, stranger.sign(issuer.claims(), kid=f"made-up-{n}")) == "unknown-key"
    assert issuer.fetches == 2


async def test_a_key_taken_back_is_forgotten_at_the_next_refresh(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    stolen = issuer.token()
    await verifier.verify(stolen)
    issuer.publish(rsa_key("second", 1))
    clock.go_on(oidc.REFRESH_S)
    await verifier.verify(stolen)
    await asyncio.sleep(0.2)
    assert await fault(verifier, stolen) == "unknown-key"


async def test_while_the_issuer_is_away_known_keys_stay_good_and_unknown_ones_are_not_called_forged(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    await verifier.verify(issuer.token())
    await issuer.stop()
    clock.go_on(oidc.REFRESH_S)
    for _ in range(3):
        assert (await verifier.verify(issuer.token())).subject == "person-1"
        await asyncio.sleep(0.05)
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(rsa_key("new", 1).sign(issuer.claims()))
    issuer.publish(rsa_key("new", 1))
    await issuer.start()
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    assert (await verifier.verify(issuer.token())).subject == "person-1"


async def test_an_issuer_that_was_never_there_makes_tokens_unverifiable_until_it_comes(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    await issuer.stop()
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(issuer.token())
    await issuer.start()
    clock.go_on(2)
    assert (await verifier.verify(issuer.token())).subject == "person-1"


async def test_an_issuer_that_never_answers_is_given_up_at_the_deadline(
    verifier: TokenVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "FETCH_DEADLINE_S", 0.2)
    issuer.delay_s = 5
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(issuer.token())


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
async def test_a_discovery_document_that_is_not_the_issuers_is_not_believed(
    verifier: TokenVerifier, issuer: Issuer, lie: dict[str, object]
) -> None:
    issuer.discovery = lie
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(issuer.token())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"keys": 7}', b'{"keys": []}', b'{"keys": [7, null, {}]}', b" " * 300_000]
)
async def test_a_key_set_that_cannot_be_used_is_no_answer(verifier: TokenVerifier, issuer: Issuer, body: bytes) -> None:
    issuer.body = body
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(issuer.token())


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RSA-OAEP"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kid": 7},
        {"n": 7},
    ],
)
async def test_a_published_key_that_is_not_for_signatures_is_passed_over(
    verifier: TokenVerifier, issuer: Issuer, members: dict[str, object]
) -> None:
    signing = issuer.keys[0]
    issuer.jwks = [signing.jwk(**members), rsa_key("other", 1).jwk()]
    assert await fault(verifier, issuer.token()) == "unknown-key"


async def test_a_key_without_alg_serves_every_allowed_algorithm_of_its_kind(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    jwk = issuer.keys[0].jwk()
    del jwk["alg"]
    issuer.jwks = [jwk]
    await verifier.verify(issuer.token())
    await verifier.verify(rsa_key("first", algorithm="PS256").sign(issuer.claims()))


async def test_without_a_key_id_two_keys_are_no_key(verifier: TokenVerifier, issuer: Issuer) -> None:
    issuer.publish(rsa_key("a"), rsa_key("b", 1))
    token = rsa_key("a").sign(issuer.claims(), kid=None)
    assert await fault(verifier, token) == "unknown-key"


@pytest.mark.parametrize("address", ["http://id.example/realms/shop", "ftp://id.example", "id.example", ""])
def test_an_issuer_without_tls_is_refused_outside_loopback(address: str, clock: HandClock) -> None:
    with pytest.raises(ValueError, match="https"):
        IssuerKeys(address, clock)


async def test_keys_are_not_fetched_from_an_address_without_tls(verifier: TokenVerifier, issuer: Issuer) -> None:
    issuer.discovery = {"jwks_uri": f"http://0.0.0.0:{issuer.port}/realms/shop/keys"}  # it would answer
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(issuer.token())
    assert issuer.fetches == 0


async def test_a_key_set_without_end_is_not_read(verifier: TokenVerifier, issuer: Issuer) -> None:
    issuer.body = json.dumps({"keys": issuer.jwks}).encode() + b" " * 300_000
    with pytest.raises(IdentityUnavailable):
        await verifier.verify(issuer.token())


async def test_a_key_published_with_its_private_part_is_not_trusted(verifier: TokenVerifier, issuer: Issuer) -> None:
    private = jwt.get_algorithm_by_name("ES256").to_jwk((leaked := ec_key("leaked")).private)
    issuer.jwks = [json.loads(private) | {"kid": "leaked"}, rsa_key("other", 1).jwk()]
    assert await fault(verifier, leaked.sign(issuer.claims())) == "unknown-key"


async def test_an_rsa_key_that_is_too_short_is_not_trusted(verifier: TokenVerifier, issuer: Issuer) -> None:
    short = SigningKey("short", "RS256", generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505
    issuer.publish(short, rsa_key("other", 1))
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = issuer.token()
    assert await fault(verifier, token) == "unknown-key"
