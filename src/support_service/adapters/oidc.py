"""OpenID Connect: access tokens verified against the keys that their issuer publishes.

`TokenVerifier` holds every rule about tokens (RFC 8725) and fulfils the identity port; where keys come from is behind
`KeySource`. `IssuerKeys` fetches them by discovery and keeps them. PyJWT's own JWKS client would block the event loop.

A token chooses nothing: its `kid` is only looked up, `jku`, `x5u`, `x5c` and `jwk` are never read, and the algorithm must
be allowed and also be the one the key found is for.
"""

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.ports.identity import IdentityUnavailable, InvalidToken, TokenFault, VerifiedClaims

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

LEEWAY_S = 10
"""How far the issuer's clock may be from ours."""

LONGEST_TOKEN = 16_384
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
"""Three parts in base64url without padding (RFC 7515, section 3.1); PyJWT passes over much else in a signature."""

_LONGEST_SUBJECT = 255
"""OpenID Connect Core 1.0, section 2."""

_REQUIRED = ["exp", "iss", "aud", "sub"]
_TIMES = ("exp", "nbf", "iat")
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_FAULTS: Sequence[tuple[type[jwt.PyJWTError], TokenFault]] = (
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.ImmatureSignatureError, "immature"),
    (jwt.InvalidIssuerError, "issuer"),
    (jwt.InvalidAudienceError, "audience"),
    (jwt.InvalidSignatureError, "signature"),
    (jwt.InvalidAlgorithmError, "algorithm"),
    (jwt.InvalidKeyError, "algorithm"),
    (jwt.MissingRequiredClaimError, "claims"),
    (jwt.DecodeError, "malformed"),
)
"""Asked in this order, as some are kinds of others; any other error of PyJWT is about a claim."""

_log = logs.get_logger(__name__)


class KeySource(Protocol):
    """Where the public keys of the one trusted issuer come from."""

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """The key with this id for this algorithm; without an id the only one there is for it.

        Raises:
            IdentityUnavailable: there may be one, but it cannot be had now.
        """

    async def close(self) -> None:
        """Let go of everything."""


class TokenVerifier:
    """Verifies the tokens of one issuer for one audience."""

    def __init__(self, keys: KeySource, *, issuer: str, audience: str, algorithms: Collection[str]) -> None:
        """Trust `issuer` (compared exactly, as `iss`) through `keys`, for tokens that name `audience` in `aud`."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = frozenset(algorithms)

    async def verify(self, token: str) -> VerifiedClaims:
        """See `Identity.verify`."""
        if len(token) > LONGEST_TOKEN or _COMPACT.fullmatch(token) is None:
            raise InvalidToken("malformed")
        kid, algorithm = self._header(token)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise InvalidToken("unknown-key")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED, "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(_fault(error)) from error
        except (ValueError, RecursionError, OverflowError) as error:
            raise InvalidToken("malformed") from error
        return _verified(claims)

    async def close(self) -> None:
        """Let go of the keys."""
        await self._keys.close()

    def _header(self, token: str) -> tuple[str | None, str]:
        """The key id and the algorithm a token asks for, before anything in it is trusted."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidToken("malformed") from error
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise InvalidToken("algorithm")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise InvalidToken("type")
        return header.get("kid"), algorithm


def _fault(error: jwt.PyJWTError) -> TokenFault:
    return next((fault for kind, fault in _FAULTS if isinstance(error, kind)), "claims")


def _verified(claims: Mapping[str, Any]) -> VerifiedClaims:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise InvalidToken("claims")
    # RFC 7519, section 2: a NumericDate is a number. PyJWT reads "4000000000" and true as one.
    if any(type(claims[name]) not in {int, float} for name in _TIMES if name in claims):
        raise InvalidToken("claims")
    try:
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidToken("claims") from error
    name = _text(claims.get("name")) or _text(claims.get("preferred_username"))
    return VerifiedClaims(claims["iss"], subject, name, _text(claims.get("email")), expires_at, claims)


def _text(value: object) -> str | None:
    """A claim for people to read, bounded; PostgreSQL takes no NUL, and no half of a character as JSON can name it."""
    if not isinstance(value, str):
        return None
    return value.encode(errors="ignore").decode().replace("\x00", "").strip()[:200] or None


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str | None
    algorithms: frozenset[str]
    key: PublicKey


FETCH_DEADLINE_S = 5.0
REFRESH_S = 600.0
BELIEVED_S = 2 * REFRESH_S
"""Keys that nobody asked for so long are fetched before they are believed: one may have been taken back meanwhile."""

UNKNOWN_KEY_PAUSE_S = 30.0
"""An unknown key id, which anybody can make up, has the keys fetched at most this often."""

_FIRST_PAUSE_S = 2.0
"""How often to try while no key is known at all."""

_LARGEST_DOCUMENT = 262_144
_MOST_KEYS = 100
_SMALLEST_RSA_BITS = 2048
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class IssuerKeys:
    """The keys an issuer publishes: found by discovery, fetched once for everybody who waits, refreshed while in use.

    While the issuer does not answer, the keys known stay good: who is signed in goes on working. A key that the issuer
    took back is forgotten with the next refresh.
    """

    def __init__(self, issuer: str, clock: Clock) -> None:
        """Say whose keys, without fetching them.

        Raises:
            ValueError: the issuer is not an https address (http is for loopback only).
        """
        if not _is_trustworthy(issuer):
            raise ValueError("an OIDC issuer must be an https:// address (http:// is for loopback only)")
        self._issuer = issuer
        self._clock = clock
        self._keys: tuple[_Key, ...] = ()
        self._asked_at = self._heard_at = float("-inf")
        self._reached = False
        self._fetching: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """See `KeySource.find`."""
        found, now = self._among(kid, algorithm), self._clock.monotonic()
        silent_for = now - self._asked_at
        if found is not None:
            if silent_for >= REFRESH_S:
                self._fetch()
            if now - self._heard_at < BELIEVED_S:
                return found
        if self._fetching or silent_for >= (UNKNOWN_KEY_PAUSE_S if self._keys else _FIRST_PAUSE_S):
            await asyncio.shield(self._fetch())
            found = self._among(kid, algorithm)
        if found is None and not self._reached:
            raise IdentityUnavailable
        return found

    async def close(self) -> None:
        """End the fetch under way and the connections."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _among(self, kid: str | None, algorithm: str) -> PublicKey | None:
        fitting = [key for key in self._keys if algorithm in key.algorithms and kid in {None, key.kid}]
        return fitting[0].key if fitting and (kid is not None or len(fitting) == 1) else None

    def _fetch(self) -> "asyncio.Task[None]":
        """The one fetch under way; a task of its own, so that no caller's going away ends it."""
        if self._fetching is None:
            self._asked_at = self._clock.monotonic()
            self._fetching = asyncio.create_task(self._refresh(), name="oidc-keys")
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, _done: "asyncio.Task[None]") -> None:
        self._fetching, self._heard_at = None, self._clock.monotonic()

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(FETCH_DEADLINE_S):
                keys = await self._published()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
            self._reached = False
            _log.warning("oidc.keys_not_fetched", keys=len(self._keys), exc_info=error)
            return
        self._keys, self._reached = keys, True
        _log.info("oidc.keys_fetched", keys=len(keys))

    async def _published(self) -> tuple[_Key, ...]:
        discovered = await self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        # OpenID Connect Discovery 1.0, section 4.3: the issuer found must be the issuer asked.
        if discovered.get("issuer") != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        keys = _usable_keys(await self._document(str(discovered.get("jwks_uri"))))
        if not keys:
            raise ValueError("the issuer publishes no usable key")
        return keys

    async def _document(self, url: str) -> dict[str, Any]:
        if not _is_trustworthy(url):
            raise ValueError("the address is not one to trust")
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"accept": "application/json"})
        async with self._session.get(url, allow_redirects=False, raise_for_status=True) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                body += chunk
                if len(body) > _LARGEST_DOCUMENT:
                    raise ValueError("the document is too large")
        document = json.loads(body)
        if response.status != 200 or not isinstance(document, dict):  # noqa: PLR2004 - the one status that carries it
            raise ValueError("the answer is not the document")
        return document


def _is_trustworthy(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _usable_keys(document: Mapping[str, Any]) -> tuple[_Key, ...]:
    """The keys of a JWK set that signatures can be verified with; others are passed over (RFC 7517, section 5)."""
    published = document.get("keys")
    candidates = published[:_MOST_KEYS] if isinstance(published, list) else []
    return tuple(key for jwk in candidates if isinstance(jwk, dict) and (key := _usable(jwk)) is not None)


def _usable(jwk: Mapping[str, Any]) -> _Key | None:
    # A set with a private part in it was published by mistake: whoever read it could sign.
    if "d" in jwk or jwk.get("use", "sig") != "sig" or not isinstance(jwk.get("kid"), str | None):
        return None
    operations = jwk.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return None
    algorithms = _algorithms_of(jwk)
    if "alg" in jwk:
        algorithms = frozenset(known for known in algorithms if known == jwk["alg"])
    if not algorithms:
        return None
    try:
        key = jwt.PyJWK(dict(jwk), algorithm=min(algorithms)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < _SMALLEST_RSA_BITS:
        return None
    return _Key(jwk.get("kid"), algorithms, key)


def _algorithms_of(jwk: Mapping[str, Any]) -> frozenset[str]:
    match (jwk.get("kty"), jwk.get("crv")):
        case ("RSA", _):
            return frozenset({"RS256", "PS256"})
        case ("EC", "P-256"):
            return frozenset({"ES256"})
        case ("EC", "P-384"):
            return frozenset({"ES384"})
        case ("OKP", "Ed25519"):
            return frozenset({"EdDSA"})
        case _:
            return frozenset()
