"""Tokens that prove nothing, made by somebody who knows all that is public of an issuer; each with what it is refused for.

They are from RFC 8725, the OWASP cheat sheet on JSON Web Tokens, and faults that libraries had: CVE-2015-9235 (the public
key as an HMAC's secret), CVE-2018-0114 (`jwk`), CVE-2022-21449 (a signature of zeros), CVE-2022-23540 (no algorithm).
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.issuer import AUDIENCE, SigningKey, ec_key, ed_key, rsa_key
from support_service.ports.identity import Identity, IdentityUnavailable, InvalidToken

ATTACKER = "http://127.0.0.1:9"
"""Where nobody answers; a test may put an address of its own in its place, and count who comes."""

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Target:
    """An issuer with the key that it signs with; what else a forger needs is public."""

    issuer: str
    key: SigningKey
    attacker: str = ATTACKER

    def claims(self, **members: object) -> dict[str, Any]:
        """What a good token says, but for these; a member None is left out."""
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "someone", "iat": now, "exp": now + 300}
        usual |= {"realm_access": {"roles": ["SUPERVISOR"]}, "roles": ["SUPERVISOR"]}
        return {name: value for name, value in (usual | members).items() if value is not None}

    def token(self, **members: object) -> str:
        """A good token but for these claims."""
        return self.key.sign(self.claims(**members))

    def header(self, **members: object) -> dict[str, Any]:
        """What a good token's header says, but for these."""
        return {"alg": self.key.algorithm, "kid": self.key.kid, "typ": "JWT"} | members

    def signed(self, payload: str, header: str | None = None) -> str:
        """Truly signed, with this payload and this header to the letter."""
        start = f"{_b64((header or json.dumps(self.header())).encode())}.{_b64(payload.encode())}"
        algorithm = jwt.get_algorithm_by_name(self.key.algorithm)
        return f"{start}.{_b64(algorithm.sign(start.encode(), self.key.private))}"

    def saying(self, **members: object) -> str:
        """Truly signed, with claims that no library would sign, `NaN` and `null` among them."""
        return self.signed(json.dumps(self.claims() | members))


async def outcome(verifier: Identity, token: str) -> str:
    """What becomes of a token, in a word."""
    try:
        return (await verifier.verify(token)).subject
    except InvalidToken as error:
        return error.reason
    except IdentityUnavailable:
        return "unavailable"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    """A token put together by hand, to say what no library would."""
    return ".".join(_b64(part) for part in (json.dumps(header).encode(), json.dumps(claims).encode(), signature))


def _without_algorithm(**members: object) -> Callable[[Target], str]:
    return lambda target: unsigned(target.header(**members), target.claims(), b"signature")


def _hmac(target: Target, secret: bytes, algorithm: str) -> str:
    start = unsigned(target.header(alg=algorithm), target.claims()).rpartition(".")[0]
    return f"{start}.{_b64(hmac.new(secret, start.encode(), f'sha{algorithm[2:]}').digest())}"


def _public(target: Target, encoding: Encoding, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    public: bytes = target.key.private.public_key().public_bytes(encoding, form)
    return public


def _other(target: Target, **header: object) -> str:
    """Signed with a key of the same kind that the issuer does not have."""
    return _another_key(target).sign(target.claims(), **header)


def _another_key(target: Target) -> SigningKey:
    is_rsa = isinstance(target.key.private, RSAPrivateKey)
    return rsa_key(target.key.kid, 1) if is_rsa else ec_key(target.key.kid)


def _own_keys(target: Target) -> dict[str, Any]:
    return _another_key(target).jwk()


def _mixed(target: Target, said: str) -> str:
    """The header names one algorithm, and the signature is another's, by the right key where that can be."""
    start = unsigned(target.header(alg=said), target.claims()).rpartition(".")[0]
    is_rsa = isinstance(target.key.private, RSAPrivateKey)
    truly = "PS256" if is_rsa and said == "RS256" else "RS256" if is_rsa else target.key.algorithm
    return f"{start}.{_b64(jwt.get_algorithm_by_name(truly).sign(start.encode(), target.key.private))}"


def _pieces(target: Target, *numbers: int | str) -> str:
    """Pieces of good tokens put together: a number is one of the first, a text is itself."""
    pieces = target.token().split(".")
    return ".".join(pieces[one] if isinstance(one, int) else one for one in numbers)


def _of_ecdsa(r: int, s: int) -> Callable[[Target], str]:
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return lambda target: unsigned(target.header(), target.claims(), signature)


Forge = Callable[[Target], str]


def _mixed_under(algorithm: str) -> Forge:
    return lambda target: _mixed(target, algorithm)


def _of_key_id(said: object) -> Forge:
    return lambda target: unsigned(target.header(kid=said), target.claims(), b"signature")


_ALGORITHM, _MALFORMED, _SIGNATURE, _UNKNOWN = {"algorithm"}, {"malformed"}, {"signature"}, {"unknown-key"}

FORGERIES: dict[str, tuple[Forge, set[str]]] = {
    **{f"no algorithm, spelt {said!r}": (_without_algorithm(alg=said), _ALGORITHM)
       for said in ("none", "None", "NONE", "nOnE", "none ", " none", "none\x00", "", "n\u043ene")},
    "no algorithm and no signature": (lambda t: unsigned(t.header(alg="none"), t.claims()), _ALGORITHM | _MALFORMED),
    "algorithm left out": (lambda t: unsigned({"kid": t.key.kid}, t.claims(), b"signature"), _ALGORITHM),
    **{f"algorithm that is {said!r}": (_without_algorithm(alg=said), _ALGORITHM)
       for said in (None, 0, True, ["ES256"], {"alg": "ES256"}, ["none"])},
    **{f"algorithm that is not allowed: {said}": (_without_algorithm(alg=said), _ALGORITHM)
       for said in ("RS512", "RS1", "ES512", "ES256K", "PS512", "rs256", "HS256", "RSA-OAEP", "dir", "EdDSA ")},
    "HMAC with the public key as PEM": (lambda t: _hmac(t, _public(t, Encoding.PEM), "HS256"), _ALGORITHM),
    "HMAC with the public key as PEM, no last line end": (
        lambda t: _hmac(t, _public(t, Encoding.PEM).strip(), "HS384"), _ALGORITHM),
    "HMAC with the public key as DER": (lambda t: _hmac(t, _public(t, Encoding.DER), "HS256"), _ALGORITHM),
    "HMAC with the published key as JSON": (lambda t: _hmac(t, json.dumps(t.key.jwk()).encode(), "HS256"), _ALGORITHM),
    "HMAC with an empty secret": (lambda t: _hmac(t, b"", "HS512"), _ALGORITHM),
    **{f"signature of another algorithm under {said}": (_mixed_under(said), _SIGNATURE | _UNKNOWN)
       for said in ("RS256", "PS256", "ES384", "EdDSA")},
    "another key under the same id": (_other, _SIGNATURE),
    "another kind of key under the same id": (lambda t: ed_key(t.key.kid).sign(t.claims()), _UNKNOWN),
    "key in the header (jwk)": (lambda t: _other(t, jwk=_own_keys(t)), _SIGNATURE),
    "key in the header (jwk) under its own id": (lambda t: _other(t, jwk=_own_keys(t), kid="own"), _UNKNOWN),
    "key in the header (jwk) and no id": (lambda t: _other(t, jwk=_own_keys(t), kid=None), _SIGNATURE),
    "address of keys in the header (jku)": (lambda t: _other(t, jku=f"{t.attacker}/keys"), _SIGNATURE),
    "address of keys beside the issuer's (jku)": (lambda t: _other(t, jku=f"{t.issuer}@{t.attacker[7:]}"), _SIGNATURE),
    "certificate address (x5u)": (lambda t: _other(t, x5u=f"{t.attacker}/cert"), _SIGNATURE),
    "certificate chain (x5c)": (lambda t: _other(t, x5c=[_b64(b"certificate")]), _SIGNATURE),
    "issuer's address in the header (iss)": (lambda t: _other(t, iss=t.attacker), _SIGNATURE),
    **{f"key id {said[:20]!r}": (partial(_other, kid=said), _UNKNOWN)
       for said in ("unknown", "", " ", "../../../../dev/null", "/dev/null", "x' UNION SELECT 'secret' --", "a\x00b",
                    "http://127.0.0.1:9/key", "file:///dev/null", "|id", "k" * 8_000, "\ud800")},
    **{f"key id that is {said!r}": (_of_key_id(said), _MALFORMED)
       for said in (7, True, ["first"], {"kid": "first"}, 1.5, None)},
    "empty signature": (lambda t: _pieces(t, 0, 1, ""), _SIGNATURE | _MALFORMED),
    "signature taken away with its dot": (lambda t: _pieces(t, 0, 1), _MALFORMED),
    "signature cut short": (lambda t: t.token()[:-8], _SIGNATURE | _MALFORMED),
    "signature of another token": (lambda t: _pieces(t, 0, 1, t.token(sub="other").split(".")[2]), _SIGNATURE),
    "claims changed after signing": (lambda t: _pieces(t, 0, t.token(sub="boss").split(".")[1], 2), _SIGNATURE),
    "header changed after signing": (lambda t: _pieces(t, unsigned(t.header(x=1), {}).split(".")[0], 1, 2), _SIGNATURE),
    "more after the signature": (lambda t: t.token() + ".more", _MALFORMED),
    "signature (0, 0)": (_of_ecdsa(0, 0), _SIGNATURE),
    "signature (n, n)": (_of_ecdsa(P256_ORDER, P256_ORDER), _SIGNATURE),
    "signature (0, 1)": (_of_ecdsa(0, 1), _SIGNATURE),
    "signature (1, n)": (_of_ecdsa(1, P256_ORDER), _SIGNATURE),
    "signature of zeros as long as RSA's": (lambda t: unsigned(t.header(), t.claims(), bytes(256)), _SIGNATURE),
    "critical extension": (lambda t: t.key.sign(t.claims(), crit=["exp"], exp=1), _MALFORMED),
    "critical extension that is unknown": (lambda t: t.key.sign(t.claims(), crit=["x-mine"]), _MALFORMED),
    "critical extensions that are none": (
        lambda t: t.signed(json.dumps(t.claims()), json.dumps(t.header(crit=[]))), _MALFORMED),
    "critical extensions that are a text": (
        lambda t: t.signed(json.dumps(t.claims()), json.dumps(t.header(crit="exp"))), _MALFORMED),
    "detached payload (b64)": (lambda t: unsigned(t.header(b64=False, crit=["b64"]), {}, b"signature"), _MALFORMED),
    "token of another kind": (lambda t: t.key.sign(t.claims(), typ="logout+jwt"), {"type"}),
    "identity of another kind (SAML)": (lambda t: t.key.sign(t.claims(), typ="saml"), {"type"}),
    "kind that is no text": (lambda t: unsigned(t.header(typ=1), t.claims(), b"signature"), {"type"}),
    "token within a token": (lambda t: t.signed(t.token(), json.dumps(t.header(cty="JWT"))), _MALFORMED),
    "token within a token, as a text": (lambda t: t.signed(json.dumps(t.token())), _MALFORMED),
    "claims that are a list": (lambda t: t.signed(json.dumps([t.claims()])), _MALFORMED),
    "claims that are nothing": (lambda t: t.signed("null"), _MALFORMED),
    "claims that are no UTF-8": (lambda t: ".".join((t.token().split(".")[0], "_w", "AA")), _SIGNATURE | _MALFORMED),
    "claims nested without end": (lambda t: t.signed("[" * 9_000), _MALFORMED),
    "number of 5,000 digits": (lambda t: t.signed('{"exp": ' + "9" * 5_000 + "}"), _MALFORMED),
    "encrypted token": (lambda _: "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", _MALFORMED | _ALGORITHM),
    "encrypted token with a good header": (lambda t: _pieces(t, 0, 1, 2, "a", "b"), _MALFORMED),
    "dots": (lambda _: "..", _MALFORMED),
    "a word": (lambda _: "token", _MALFORMED),
    "not a token": (lambda _: "eyJ.eyJ.", _MALFORMED),
    "header that is a list": (lambda _: "W10.e30.AA", _MALFORMED),
    "header nested without end": (lambda _: f"{_b64(b'[' * 5_000)}.e30.AA", _MALFORMED),
    "padded parts": (lambda t: _pieces(t, 0, 1, 2) + "==", _SIGNATURE | _MALFORMED),
    "as long as is read, and one more": (lambda t: t.token(extra="x" * 20_000), _MALFORMED),
    "far too long": (lambda _: "a" * 60_000, _MALFORMED),
}  # fmt: skip
