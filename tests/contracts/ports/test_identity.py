"""What every identity holds to: one suite, run against tokens of a real issuer over HTTP and of the local issuer alike."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.issuer import AUDIENCE, SigningKey, ec_key, rsa_key, running_issuer, unsigned
from support_service.adapters.embedded.issuer import ALGORITHM, ISSUER, LocalIssuer
from support_service.adapters.oidc import IssuerKeys, TokenVerifier
from support_service.kit.clock import SystemClock
from support_service.ports.identity import Identity, InvalidToken

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")


@dataclass(frozen=True)
class Case:
    """An identity, and the key that it trusts, to forge with."""

    identity: Identity
    issuer: str
    key: SigningKey

    def claims(self, **members: object) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "someone", "iat": now, "exp": now + 300}
        return {name: value for name, value in (usual | members).items() if value is not None}

    def token(self, **members: object) -> str:
        return self.key.sign(self.claims(**members))

    async def fault(self, token: str) -> str:
        with pytest.raises(InvalidToken) as refused:
            await self.identity.verify(token)
        return refused.value.reason


@pytest.fixture(params=["oidc", "local"])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "oidc":
        key = rsa_key("first")
        async with running_issuer(key) as issuer:
            keys = IssuerKeys(issuer.url, SystemClock())
            verifier = TokenVerifier(keys, issuer=issuer.url, audience=AUDIENCE, algorithms=ALGORITHMS)
            yield Case(verifier, issuer.url, key)
            await verifier.close()
    else:
        local = LocalIssuer.from_file(tmp_path / "key.pem", audience=AUDIENCE, clock=SystemClock())
        verifier = TokenVerifier(local, issuer=ISSUER, audience=AUDIENCE, algorithms=ALGORITHMS)
        header = jwt.get_unverified_header(local.token(subject="s", name="n", email="e", roles=(), teams=()))
        yield Case(verifier, ISSUER, SigningKey(header["kid"], ALGORITHM, local._key))


async def test_a_good_token_gives_its_claims(case: Case) -> None:
    told = await case.identity.verify(case.token(name=" Linh ", email="linh@example.com", teams=["orders"]))
    assert (told.issuer, told.subject, told.name, told.email) == (case.issuer, "someone", "Linh", "linh@example.com")
    assert told.claims["teams"] == ["orders"]
    assert timedelta(seconds=290) < told.expires_at - datetime.now(UTC) <= timedelta(seconds=300)


async def test_a_token_may_name_several_audiences_and_be_typed_as_rfc_9068_says(case: Case) -> None:
    token = case.key.sign(case.claims(aud=["other", AUDIENCE]), typ="at+jwt")
    assert (await case.identity.verify(token)).subject == "someone"


async def test_a_clock_that_is_a_little_off_is_borne(case: Case) -> None:
    now = int(datetime.now(UTC).timestamp())
    assert (await case.identity.verify(case.token(exp=now - 3))).subject == "someone"
    assert (await case.identity.verify(case.token(nbf=now + 3, iat=now + 3))).subject == "someone"


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"exp": 1_000_000_000}, "expired"),
        ({"exp": None}, "claims"),
        ({"exp": "soon"}, "malformed"),
        ({"exp": 1e400}, "malformed"),
        ({"nbf": 4_000_000_000}, "immature"),
        ({"iat": 4_000_000_000}, "immature"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": None}, "claims"),
        ({"aud": "another-service"}, "audience"),
        ({"aud": []}, "claims"),
        ({"aud": None}, "claims"),
        ({"aud": {"support-service": 1}}, "audience"),
        ({"sub": None}, "claims"),
        ({"sub": ""}, "claims"),
        ({"sub": 7}, "claims"),
        ({"sub": "a\x00b"}, "claims"),
    ],
)
async def test_a_claim_that_is_missing_or_wrong_is_refused(case: Case, members: dict[str, Any], fault: str) -> None:
    assert await case.fault(_signed_as_is(case.key, case.claims(**members))) == fault


def _signed_as_is(key: SigningKey, claims: dict[str, Any]) -> str:
    """PyJWT refuses to sign some claims, so they are signed as the bytes they are."""
    return jwt.api_jws.encode(
        json.dumps(claims).encode(), key.private, algorithm=key.algorithm, headers={"kid": key.kid}
    )


async def test_an_issuer_that_differs_by_a_slash_or_by_case_is_another(case: Case) -> None:
    assert await case.fault(case.token(iss=case.issuer + "/")) == "issuer"
    assert await case.fault(case.token(iss=case.issuer.upper())) == "issuer"


Forgery = Callable[[Case], str]


def _public_pem(case: Case) -> bytes:
    pem: bytes = case.key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def _hmac(case: Case, secret: bytes, algorithm: str) -> str:
    start = unsigned({"alg": algorithm, "kid": case.key.kid}, case.claims()).rpartition(".")[0]
    digest = hmac.new(secret, start.encode(), f"sha{algorithm[2:]}").digest()
    return f"{start}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _other(case: Case, **header: object) -> str:
    """Signed with a key of the same kind that the issuer does not have."""
    other = rsa_key(case.key.kid, 1) if case.key.algorithm == "RS256" else ec_key(case.key.kid)
    return other.sign(case.claims(), **header)


FORGERIES: dict[str, tuple[Forgery | str, set[str]]] = {
    "no algorithm": (lambda c: unsigned({"alg": "none", "kid": c.key.kid}, c.claims()), {"algorithm"}),
    "no algorithm, other case": (lambda c: unsigned({"alg": "nOnE", "kid": c.key.kid}, c.claims()), {"algorithm"}),
    "algorithm left out": (lambda c: unsigned({"kid": c.key.kid}, c.claims()), {"algorithm"}),
    "algorithm is a list": (lambda c: unsigned({"alg": ["ES256"], "kid": c.key.kid}, c.claims()), {"algorithm"}),
    "HMAC with the public key as secret": (lambda c: _hmac(c, _public_pem(c), "HS256"), {"algorithm"}),
    "HMAC with an empty secret": (lambda c: _hmac(c, b"", "HS512"), {"algorithm"}),
    "another key under the same id": (_other, {"signature"}),
    "key in the header (jwk)": (lambda c: _other(c, jwk=rsa_key("x", 1).jwk()), {"signature"}),
    "address of keys in the header (jku)": (lambda c: _other(c, jku="https://evil.example/keys"), {"signature"}),
    "certificate address (x5u)": (lambda c: _other(c, x5u="https://evil.example/cert"), {"signature"}),
    "certificate chain (x5c)": (lambda c: _other(c, x5c=["MIIB"]), {"signature"}),
    "unknown key id": (lambda c: _other(c, kid="unknown"), {"unknown-key"}),
    "key id that climbs folders": (lambda c: _other(c, kid="../../../../dev/null"), {"unknown-key"}),
    "key id with SQL": (lambda c: _other(c, kid="x' UNION SELECT 'secret' --"), {"unknown-key"}),
    "key id that is a number": (lambda c: unsigned({"alg": "ES256", "kid": 7}, c.claims()), {"malformed"}),
    "signature cut off": (lambda c: c.token().rpartition(".")[0] + ".", {"signature", "malformed"}),
    "signature of zeros": (
        lambda c: unsigned({"alg": c.key.algorithm, "kid": c.key.kid}, c.claims(), bytes(64)),
        {"signature"},
    ),
    "claims changed after signing": (
        lambda c: ".".join((c.token().split(".")[0], c.token(sub="boss").split(".")[1], c.token().split(".")[2])),
        {"signature"},
    ),
    "critical extension": (lambda c: c.key.sign(c.claims(), crit=["exp"], exp=1), {"malformed"}),
    "detached payload (b64)": (
        lambda c: unsigned({"alg": c.key.algorithm, "b64": False, "crit": ["b64"]}, {}),
        {"malformed"},
    ),
    "token of another kind": (lambda c: c.key.sign(c.claims(), typ="logout+jwt"), {"type"}),
    "kind that is no text": (lambda c: unsigned({"alg": c.key.algorithm, "typ": 1}, c.claims()), {"type", "malformed"}),
    "another algorithm of the allowed for this key": (
        lambda c: unsigned({"alg": "ES384" if c.key.algorithm == "ES256" else "ES256", "kid": c.key.kid}, c.claims()),
        {"unknown-key"},
    ),
    "algorithm that is not allowed": (
        lambda c: unsigned({"alg": "RS512", "kid": c.key.kid}, c.claims()),
        {"algorithm"},
    ),
    "encrypted token": ("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", {"malformed", "algorithm"}),
    "nothing": ("", {"malformed"}),
    "dots": ("..", {"malformed"}),
    "not a token": ("eyJ.eyJ.", {"malformed"}),
    "header that is a list": ("W10.e30.AA", {"malformed"}),
    "deep nesting": (
        base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode() + ".e30.AA",
        {"malformed"},
    ),
    "far too long": (lambda c: c.token(extra="x" * 20_000), {"malformed"}),
    "not ASCII": ("é.é.é", {"malformed"}),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(case: Case, name: str) -> None:
    forge, faults = FORGERIES[name]
    assert await case.fault(forge if isinstance(forge, str) else forge(case)) in faults
    assert (await case.identity.verify(case.token())).subject == "someone"


async def test_a_token_without_a_key_id_is_verified_with_the_only_key_there_is(case: Case) -> None:
    token = jwt.encode(case.claims(), case.key.private, algorithm=case.key.algorithm)
    assert (await case.identity.verify(token)).subject == "someone"
