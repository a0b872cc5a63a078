"""Who is calling: a token in, verified claims out. What they may do is `directory`'s business."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

TokenFault = Literal[
    "malformed", "algorithm", "type", "unknown-key", "signature", "expired", "immature", "issuer", "audience", "claims"
]
"""malformed: not a JWT; algorithm: none of those allowed; type: a token made for something else; unknown-key: signed
with a key the issuer does not publish; immature: not valid yet; claims: one that must be there is missing or unusable.
"""


class InvalidToken(Exception):  # noqa: N818 - what the token is, as the caller reads it
    """This token proves nothing."""

    def __init__(self, reason: TokenFault) -> None:
        """Say why, by a code; never with a part of the token."""
        super().__init__(reason)
        self.reason: TokenFault = reason


class IdentityUnavailable(Exception):  # noqa: N818 - a state, as in `kit.problems`
    """The keys to verify tokens with cannot be had right now."""


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a verified token says; `expires_at` is aware, in UTC, `claims` holds every claim as it came."""

    issuer: str
    subject: str
    name: str | None
    email: str | None
    expires_at: datetime
    claims: Mapping[str, Any]


class Identity(Protocol):
    """What `directory` needs of an identity provider."""

    async def verify(self, token: str) -> VerifiedClaims:
        """The claims of a signed, current token of the one trusted issuer, made for this service.

        Raises:
            InvalidToken: it is none.
            IdentityUnavailable: it may be one, but the issuer's keys cannot be had.
        """

    async def close(self) -> None:
        """Let go of keys and connections."""
