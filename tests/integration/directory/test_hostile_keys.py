"""Keys that an issuer should not have published: secrets, weak ones, far too many, and what is no key."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from support.clocks import HandClock
from support.forgeries import outcome
from support.issuer import Issuer, SigningKey, ec_key, rsa_key
from support_service.adapters import oidc
from support_service.adapters.oidc import TokenVerifier


async def test_of_ten_thousand_keys_no_more_than_a_hundred_are_looked_at(
    verifier: TokenVerifier, issuer: Issuer, clock: HandClock
) -> None:
    bare = [{"kty": "EC"}] * 10_000
    issuer.jwks = [*issuer.jwks, *bare]
    assert await outcome(verifier, issuer.token()) == "person-1"
    issuer.jwks = [*bare[:100], rsa_key("late").jwk()]
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    assert await outcome(verifier, rsa_key("late").sign(issuer.claims())) == "unavailable"
    whole = rsa_key("many").jwk()
    issuer.jwks = [whole | {"kid": f"many-{n}"} for n in range(10_000)]  # more than is read
    clock.go_on(oidc.UNKNOWN_KEY_PAUSE_S)
    started = time.monotonic()
    assert await outcome(verifier, rsa_key("many-1").sign(issuer.claims())) == "unavailable"
    assert time.monotonic() - started < 5
    assert await outcome(verifier, issuer.token()) == "person-1"


async def test_a_secret_among_the_keys_signs_nothing(verifier: TokenVerifier, issuer: Issuer) -> None:
    secret = b"published by mistake, 32 bytes at the least"
    oct_ = json.loads(jwt.get_algorithm_by_name("HS256").to_jwk(secret)) | {"kid": "secret"}
    for published in (oct_, oct_ | {"alg": "RS256"}, oct_ | {"kty": "RSA"}, oct_ | {"kty": "OCT"}):
        issuer.jwks = [published, rsa_key("other", 1).jwk()]
        token = jwt.encode(issuer.claims(), secret, algorithm="HS256", headers={"kid": "secret"})
        assert await outcome(verifier, token) == "algorithm"
        assert await outcome(verifier, rsa_key("secret").sign(issuer.claims())) == "unknown-key"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("bits", [1024, 2040])
async def test_an_rsa_key_that_can_be_factored_is_not_trusted(
    verifier: TokenVerifier, issuer: Issuer, bits: int
) -> None:
    weak = SigningKey("weak", "RS256", generate_private_key(public_exponent=65537, key_size=bits))
    issuer.publish(weak, rsa_key("other", 1))
    assert await outcome(verifier, issuer.token()) == "unknown-key"


async def test_an_rsa_key_of_512_bits_is_not_trusted(verifier: TokenVerifier, issuer: Issuer) -> None:
    """No library makes one any more, so a modulus is cut to its length."""
    tiny = rsa_key("tiny").jwk()
    issuer.jwks = [tiny | {"n": tiny["n"][:86]}, rsa_key("other", 1).jwk()]
    assert await outcome(verifier, rsa_key("tiny").sign(issuer.claims())) == "unknown-key"


ODD: tuple[object, ...] = (None, 7, -1, "", "!", [], {}, ["AA"], True, 1.5, "\ud800", "é", "A" * 50_000)


@pytest.mark.parametrize("member", ["n", "e", "x", "y", "crv", "kty", "alg", "use", "kid", "key_ops", "d"])
async def test_a_key_of_odd_members_spoils_none_of_the_others(
    verifier: TokenVerifier, issuer: Issuer, member: str
) -> None:
    odd = [key.jwk() | {member: told} for key in (rsa_key("odd", 1), ec_key("odd")) for told in ODD]
    issuer.jwks = [*odd, *issuer.jwks]
    issuer.jwks = [jwk for jwk in issuer.jwks if len(json.dumps(jwk)) < 5_000] + issuer.jwks[-1:]
    assert await outcome(verifier, issuer.token()) == "person-1"
