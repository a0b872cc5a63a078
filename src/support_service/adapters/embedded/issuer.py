"""The demo's own issuer: signs for made-up people with a key kept in a file, on loopback only.

It is also a source of keys for the verifier that real issuers' tokens go through, so the demo proves the same code.
"""

import ipaddress
import os
import secrets
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from support_service.kit.clock import Clock

ISSUER = "urn:support-service:demo"
ALGORITHM = "ES256"
ROLES_CLAIM = "realm_access.roles"
TEAMS_CLAIM = "teams"
"""Where the tokens say the roles and teams, in the shape that Keycloak gives them."""

_OTHERS = 0o077


class LocalIssuerRefused(Exception):  # noqa: N818 - a refusal, said to the person who starts the service
    """The local issuer cannot be used as this service is set up."""


def require_demo(*, demo: bool, host: str) -> None:
    """Refuse a local issuer outside the demo: whoever reaches it can be anybody.

    Raises:
        LocalIssuerRefused: this is not the demo, or it listens on more than loopback.
    """
    if not demo:
        raise LocalIssuerRefused("The local issuer is for the demo only: set OIDC_ISSUER to your identity provider.")
    if host != "localhost" and not _is_loopback(host):
        raise LocalIssuerRefused(f"The demo signs anybody in, so it listens on loopback only; HOST is {host!r}.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class LocalIssuer:
    """Signs ES256 tokens that live 12 hours, and knows the key they are verified with."""

    def __init__(self, key: EllipticCurvePrivateKey, *, audience: str, clock: Clock) -> None:
        """Sign with a key on the curve P-256, for an audience."""
        self._key = key
        self._audience = audience
        self._clock = clock
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self._kid = sha256(public).hexdigest()[:16]

    @classmethod
    def from_file(cls, path: Path, *, audience: str, clock: Clock) -> "LocalIssuer":
        """The issuer with the key in a PEM file, which is made, readable by its owner only, if there is none.

        Raises:
            LocalIssuerRefused: the file holds no such key, or others can read it.
        """
        if not path.exists():
            _make_key(path)
        if path.stat().st_mode & _OTHERS:
            raise LocalIssuerRefused(f"Others can read the demo issuer's key; run: chmod 600 {path}")
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise LocalIssuerRefused(f"{path} is not a key of the demo issuer; remove it to get a new one.") from error
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise LocalIssuerRefused(f"{path} is not a key of the demo issuer; remove it to get a new one.")
        return cls(key, audience=audience, clock=clock)

    def token(
        self,
        *,
        subject: str,
        name: str,
        email: str,
        roles: tuple[str, ...],
        teams: tuple[str, ...],
        lifetime: timedelta = timedelta(hours=12),
    ) -> str:
        """An access token for a person, from now on."""
        now = self._clock.now()
        claims = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": subject,
            "iat": now,
            "exp": now + lifetime,
            "jti": secrets.token_urlsafe(12),
            "name": name,
            "email": email,
            "realm_access": {"roles": list(roles)},
            "teams": list(teams),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": "at+jwt"})

    async def find(self, kid: str | None, algorithm: str) -> EllipticCurvePublicKey | None:
        """The public key, if it is the one asked for: what a verifier's key source does."""
        return self._key.public_key() if algorithm == ALGORITHM and kid in {None, self._kid} else None

    async def close(self) -> None:
        """Nothing is held open."""


def _make_key(path: Path) -> None:
    """Put a new key in place; when another process is first, its key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
