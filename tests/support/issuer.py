"""A real OpenID Connect issuer over HTTP for tests: discovery, JWKS, rotation of keys; it can go away and come back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from support.ports import free_port

AUDIENCE = "support-service"
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
_RSA = tuple(rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
"""Made once a run: each costs a tenth of a second."""


@dataclass(frozen=True)
class SigningKey:
    """A private key with its id and algorithm."""

    kid: str
    algorithm: str
    private: Any

    def jwk(self, **members: object) -> dict[str, Any]:
        """The public part, as an issuer publishes it."""
        name = {"PS256": "RS256"}.get(self.algorithm, self.algorithm)
        public: dict[str, Any] = json.loads(jwt.get_algorithm_by_name(name).to_jwk(self.private.public_key()))
        return public | {"kid": self.kid, "use": "sig", "alg": self.algorithm} | members

    def sign(self, claims: dict[str, Any], **header: object) -> str:
        """A token; header members replace the usual ones, and None leaves one out."""
        head = {"kid": self.kid, "typ": "JWT"} | header
        told = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=told)


def rsa_key(kid: str, number: int = 0, algorithm: str = "RS256") -> SigningKey:
    return SigningKey(kid, algorithm, _RSA[number])


def ec_key(kid: str) -> SigningKey:
    return SigningKey(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


def ed_key(kid: str) -> SigningKey:
    return SigningKey(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


@dataclass
class Issuer:
    """The issuer as it is now; what it publishes may be replaced at any time."""

    port: int
    keys: list[SigningKey]
    jwks: list[dict[str, Any]] = field(default_factory=list)
    discovery: dict[str, Any] = field(default_factory=dict)
    fetches: int = 0
    """Of the keys."""
    asked: int = 0
    """For anything."""
    delay_s: float = 0.0
    body: bytes | None = None
    answers: dict[str, Answering] = field(default_factory=dict)
    """What is answered instead, to a path's last part."""
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/shop"

    def publish(self, *keys: SigningKey) -> None:
        """Rotate: from now on these are the keys, the first one signs."""
        self.keys = list(keys)
        self.jwks = [key.jwk() for key in keys]

    def claims(self, **members: object) -> dict[str, Any]:
        """The claims of a good token; a member None is left out."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "person-1",
            "iat": now,
            "exp": now + 300,
            "name": "Nguyễn Thùy Linh",
            "email": "linh@example.com",
            "realm_access": {"roles": ["support-agent", "offline_access"]},
            "teams": ["orders"],
        }
        return {name: value for name, value in (usual | members).items() if value is not None}

    def token(self, **members: object) -> str:
        """A good token but for these claims."""
        return self.keys[0].sign(self.claims(**members))

    async def start(self) -> None:
        app = web.Application(middlewares=[self._counted])
        app.router.add_get("/realms/shop/.well-known/openid-configuration", self._discover)
        app.router.add_get("/realms/shop/keys", self._keys)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """Go away; `start` brings it back at the same address."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _counted(self, request: web.Request, handler: Answering) -> web.StreamResponse:
        self.asked += 1
        return await self.answers.get(request.path.rpartition("/")[2], handler)(request)

    async def _discover(self, _request: web.Request) -> web.Response:
        document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.discovery
        return web.json_response(document)

    async def _keys(self, _request: web.Request) -> web.Response:
        self.fetches += 1
        await asyncio.sleep(self.delay_s)
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json")
        return web.json_response({"keys": self.jwks})


@asynccontextmanager
async def running_issuer(*keys: SigningKey) -> AsyncIterator[Issuer]:
    """An issuer that answers until the block ends."""
    issuer = Issuer(free_port(), [])
    issuer.publish(*(keys or (rsa_key("first"),)))
    await issuer.start()
    try:
        yield issuer
    finally:
        await issuer.stop()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer with its first keys."""
    async with running_issuer() as running:
        yield running


@pytest.fixture
async def attacker() -> AsyncIterator[Issuer]:
    """Somebody else, who publishes a key of their own under the id of the issuer's."""
    async with running_issuer(rsa_key("first", 1)) as running:
        yield running
