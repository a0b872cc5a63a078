"""The guard at every route: who is calling, and whether their role may do this, before anything is looked up."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from fastapi.openapi.models import HTTPBearer
from starlette.requests import Request

from support_service.activity import Denials
from support_service.directory.access import Action, permit
from support_service.directory.errors import RoleNotAllowed, SignInUnavailable, TokenInvalid, TokenMissing
from support_service.directory.model import Principal, Role
from support_service.directory.service import Directory
from support_service.kit import logs
from support_service.kit.clients import Network, client_of
from support_service.kit.clock import Clock
from support_service.kit.database import Database
from support_service.kit.problems import Problem
from support_service.kit.rates import Limits
from support_service.kit.requests import Gate
from support_service.ports.identity import Identity, IdentityUnavailable, InvalidToken

REMEMBERED = timedelta(seconds=30)
"""How long a verified token is believed without verifying it again, and its roles without looking them up."""

_MOST_REMEMBERED = 10_000
_SCHEME = "Bearer "
_MACHINES = frozenset({Role.SERVICE})
_PRINCIPAL = "support.principal"
"""Where a request's scope keeps who it is of, once that is known."""

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE | re.ASCII)

_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: datetime


class Guard:
    """Turns the Authorization header into a principal, and lets pass only who may."""

    def __init__(
        self,
        database: Database,
        identity: Identity,
        directory: Directory,
        denials: Denials,
        clock: Clock,
        *,
        limits: Limits,
        trusted_proxies: Sequence[Network] = (),
    ) -> None:
        """Verify with `identity`, sign in at `directory`, record who was refused with `denials`, and keep to `limits`."""
        self._database = database
        self._identity = identity
        self._directory = directory
        self._denials = denials
        self._clock = clock
        self._limits = limits
        self._trusted_proxies = trusted_proxies
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._verifying: dict[str, asyncio.Task[Principal]] = {}

    async def arrived(self, request: Request) -> Principal:
        """Who a request is of; it is counted once, however often that is asked.

        Raises:
            TooManyRequests: they ask for this more often than they may.
            Problem: see `principal`.
        """
        known: Principal | None = request.scope.get(_PRINCIPAL)
        if known is None:
            # Of two headers a proxy may have looked at the other one: together (RFC 9110, section 5.3) they are no token.
            told = ", ".join(request.headers.getlist("authorization"))
            known = await self.principal(told, client=self._client_of(request))
            logs.bind(agent_id=known.principal_id)
            self.counter(request.method, request.scope["route"].path)(known)
            request.scope[_PRINCIPAL] = known
        return known

    async def principal(self, authorization: str | None, *, client: str = "") -> Principal:
        """Who is calling, by the Authorization header.

        Raises:
            TokenMissing: there is none, or not of the kind Bearer.
            TokenInvalid: the token proves nothing.
            TooManyRequests: too many tokens from this client proved nothing, and this one was never seen.
            RoleMissing: it proves somebody without a role here.
            SignInUnavailable: it cannot be verified right now.
        """
        token = _token_in(authorization or "")
        if token is None:
            raise TokenMissing
        known = self._known(token)
        if known is not None:
            return known
        if _digest(token) not in self._remembered:
            self._limits.check_sign_in(client)
        try:
            return await self._verified(token)
        except TokenInvalid:
            self._limits.sign_in_failed(client)
            raise

    def counter(self, method: str, route: str) -> Callable[[Principal], None]:
        """What counts one request of somebody for this operation.

        Raises:
            TooManyRequests: (when it is called) they ask for it more often than they may.
        """
        buckets, person, machine = self._limits.of(method, route)
        draw, is_person = buckets.draw, _MACHINES.isdisjoint
        return lambda principal: draw(principal.principal_id.int, person if is_person(principal.roles) else machine)

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

    def _client_of(self, request: Request) -> str:
        peer = request.client.host if request.client else ""
        return client_of(peer, request.headers.get("x-forwarded-for"), self._trusted_proxies)

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
    match = _BEARER.fullmatch(header.strip(" \t"))
    return None if match is None else match[1]


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


class Permit(Gate):
    """One route's permit: the OpenAPI document shows that a Bearer token is needed."""

    def __init__(self, guard: Guard, action: Action) -> None:
        """Let pass who may do this."""
        self.action = action
        self.model = HTTPBearer(bearerFormat="JWT", description="An access token of the configured issuer.")
        self.scheme_name = "accessToken"
        self._guard = guard

    async def __call__(self, request: Request) -> Principal:
        """The principal, who has passed; on a route that is no `Operation` only now."""
        await self.enter(request)
        return await self._guard.arrived(request)

    async def enter(self, request: Request) -> None:
        """Let pass if their role may do this; their id is in every log line from here on.

        Raises:
            Unauthenticated, Forbidden, TooManyRequests, Unavailable: see `Guard.arrived` and `access.permit`.
        """
        principal = await self._guard.arrived(request)
        try:
            permit(principal, self.action)
        except RoleNotAllowed:
            await self._guard.refused(principal, self.action, _asked_for(request))
            raise


def _asked_for(request: Request) -> UUID | None:
    try:
        return UUID(str(request.path_params.get("ticket_id")))
    except ValueError:
        return None
