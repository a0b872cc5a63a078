"""The guard at every route: who is calling, and whether their role may do this, before anything is looked up."""

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from support_service.activity import Denials
from support_service.directory.access import Action, permit
from support_service.directory.errors import RoleNotAllowed, SignInUnavailable, TokenInvalid, TokenMissing
from support_service.directory.model import Principal
from support_service.directory.service import Directory
from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database
from support_service.kit.problems import Problem
from support_service.ports.identity import Identity, IdentityUnavailable, InvalidToken

REMEMBERED = timedelta(seconds=30)
"""How long a verified token is believed without verifying it again, and its roles without looking them up."""

_MOST_REMEMBERED = 10_000
_SCHEME = "Bearer "
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE | re.ASCII)

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: datetime


class Guard:
    """Turns the Authorization header into a principal, and lets pass only who may."""

    def __init__(
        self, database: Database, identity: Identity, directory: Directory, denials: Denials, clock: Clock
    ) -> None:
        """Verify with `identity`, sign in at `directory`, and record who was refused with `denials`."""
        self._database = database
        self._identity = identity
        self._directory = directory
        self._denials = denials
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._verifying: dict[str, asyncio.Task[Principal]] = {}

    async def principal(self, authorization: str | None) -> Principal:
        """Who is calling, by the Authorization header.

        Raises:
            TokenMissing: there is none, or not of the kind Bearer.
            TokenInvalid: the token proves nothing.
            RoleMissing: it proves somebody without a role here.
            SignInUnavailable: it cannot be verified right now.
        """
        token = _token_in(authorization or "")
        if token is None:
            raise TokenMissing
        return self._known(token) or await self._verified(token)

    def remembered(self, header: str) -> Principal | None:
        """The principal of an Authorization header, written as usual, whose token was verified lately; else None."""
        return self._known(header[len(_SCHEME) :]) if header.startswith(_SCHEME) else None

    async def returning(self, header: str) -> Principal | None:
        """The principal of such a header whose token was verified before, though not lately: it is verified again.

        None for one that never was, and for one that is refused now; `principal` says why.
        """
        token = _token_in(header)
        if token is None or _digest(token) not in self._remembered:
            return None
        try:
            return await self._verified(token)
        except Problem:
            return None

    def permit(self, action: Action) -> "Permit":
        """The dependency of a route: yields the principal if their role may do this."""
        return Permit(self, action)

    async def refused(self, principal: Principal, action: Action, ticket_id: UUID | None) -> None:
        """Record at once that somebody asked for what their role does not allow."""
        await self._denials.denied(principal.principal_id, "role.refused", ticket_id, needed=action.value)

    def _known(self, token: str) -> Principal | None:
        digest = _digest(token)
        known = self._remembered.get(digest)
        if known is None or self._clock.now() >= known.until:
            return None
        self._remembered.move_to_end(digest)
        return known.principal

    async def _verified(self, token: str) -> Principal:
        """Once for all who come with the same token meanwhile, and whoever of them goes away."""
        verifying = self._verifying.get(token)
        if verifying is None:
            verifying = self._verifying[token] = asyncio.create_task(self._verify(token))
            verifying.add_done_callback(lambda _: self._verifying.pop(token))
        return await asyncio.shield(verifying)

    async def _verify(self, token: str) -> Principal:
        now = self._clock.now()
        try:
            told = await self._identity.verify(token)
        except InvalidToken as error:
            _log.info("sign_in.refused", reason=error.reason)
            raise TokenInvalid(error.reason) from error
        except IdentityUnavailable as error:
            raise SignInUnavailable from error
        principal = await self._directory.sign_in(self._database, told)
        # By its hash: what is in memory is no key to anything.
        self._remembered[_digest(token)] = _Remembered(principal, min(now + REMEMBERED, told.expires_at))
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return principal


def _token_in(header: str) -> str | None:
    match = _BEARER.fullmatch(header.strip())
    return None if match is None else match[1]


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


class Permit(SecurityBase):
    """One route's permit: the OpenAPI document shows that a Bearer token is needed."""

    def __init__(self, guard: Guard, action: Action) -> None:
        """Let pass who may do this."""
        self.action = action
        self.model = HTTPBearer(bearerFormat="JWT", description="An access token of the configured issuer.")
        self.scheme_name = "accessToken"
        self._guard = guard

    async def __call__(self, request: Request) -> Principal:
        """The principal, if their role may do this; their id is in every log line from here on.

        Raises:
            Unauthenticated, Forbidden, Unavailable: see `Guard.principal` and `access.permit`.
        """
        principal = await self._guard.principal(request.headers.get("authorization"))
        logs.bind(agent_id=principal.principal_id)
        try:
            permit(principal, self.action)
        except RoleNotAllowed:
            await self._guard.refused(principal, self.action, _asked_for(request))
            raise
        return principal


def _asked_for(request: Request) -> UUID | None:
    try:
        return UUID(str(request.path_params.get("ticket_id")))
    except ValueError:
        return None
