"""What can be refused about who is calling."""

from support_service.kit.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
)
from support_service.ports.identity import TokenFault


class TokenMissing(Unauthenticated):
    """An access token is needed: Authorization: Bearer <token>."""

    def __init__(self) -> None:
        super().__init__(headers={"www-authenticate": "Bearer"})


class TokenInvalid(Unauthenticated):
    """The access token is not valid."""

    def __init__(self, reason: TokenFault) -> None:
        # RFC 6750, section 3.1
        super().__init__(headers={"www-authenticate": 'Bearer error="invalid_token"'}, reason=reason)


class SignInUnavailable(Unavailable):
    """Your access token cannot be verified right now."""

    def __init__(self) -> None:
        super().__init__(headers={"retry-after": "2"})


class RoleMissing(Forbidden):
    """Your access token carries no role of this service."""


class RoleNotAllowed(Forbidden):
    """Your role does not allow this."""

    def __init__(self, action: str) -> None:
        super().__init__(action=action)
        self.action = action


class TeamNotFound(NotFound):
    """There is no such team."""


class MemberNotFound(NotFound):
    """Nobody with this id has ever signed in."""


class TeamIdNeeded(InvalidInput):
    """No id can be made of this name: give one as `team`."""


class TeamExists(Conflict):
    """There is a team of this id."""


class TeamChanged(PreconditionFailed):
    """The team has changed since you read it."""


class TeamsFromTokens(Conflict):
    """Teams are told by access tokens: change them at your identity provider, or set TEAMS_FROM=service."""


class TeamHasCases(Conflict):
    """Unfinished cases lie with this team: give them to another one first."""


class TooManyTeams(Conflict):
    """Nobody can be a member of more teams than this."""
