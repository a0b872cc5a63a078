"""Receivers: strangers' addresses that something is posted to, each once, under a deadline, and never past the guard.

What is behind it resolves a name once for each post, refuses it unless everything it leads to may be reached
(`kit.addresses`), and connects to what was checked and to nothing else, so a name that is answered otherwise a moment
later changes nothing. Redirects are not followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

PostFault = Literal["address_refused", "unresolved", "unreachable", "tls", "timeout", "broken"]
"""address_refused: nothing is sent to where it leads; unresolved: the name leads nowhere; unreachable: no connection;
tls: no connection that can be trusted; timeout: no answer in time; broken: the connection ended before the answer, or what
came is no HTTP.
"""

EXCERPT = 200
"""Characters that are kept of an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered."""

    status: int
    retry_after_s: float | None
    """Seconds that it asks to be left alone for."""

    excerpt: str
    """How the answer begins, printable characters only, at most `EXCERPT` of them."""


class PostError(Exception):
    """A receiver did not answer."""

    def __init__(self, fault: PostFault) -> None:
        """Say why; never where it was sent to."""
        super().__init__(fault)
        self.fault: PostFault = fault


class Receivers(Protocol):
    """What `webhooks` needs of the world."""

    async def check(self, url: str) -> None:
        """Return if something may be sent to this URL as things stand.

        Raises:
            RefusedAddress: it may not.
        """

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body, once.

        Args:
            url: where to.
            headers: besides those that HTTP needs.
            body: at most some kilobytes.

        Returns:
            What was answered, whatever its status.

        Raises:
            PostError: nothing was, or nothing was sent.
        """

    async def close(self) -> None:
        """Let go of everything."""
