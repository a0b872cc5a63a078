"""What can be refused about who is calling."""

from support_service.kit.problems import Forbidden, Unauthenticated, Unavailable
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
