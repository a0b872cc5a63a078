"""The shop's services, asked one by one over HTTP: what answers when the lake does not.

Also where a customer's card comes from. Only reads; every call is under a deadline and a bound on the answer's size.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

CommerceReason = Literal["unavailable", "timeout", "busy", "refused", "missing", "rejected", "limit", "malformed"]
"""unavailable: no connection, or a 5xx; timeout: no answer within the deadline; busy: too many calls wait for this
service already; refused: 401 or 403; missing: 404; rejected: any other answer that is not a 200, a redirect too;
limit: the answer is too large; malformed: it is not JSON.
"""


class CommerceError(Exception):
    """A service of the shop did not answer."""

    def __init__(self, reason: CommerceReason, service: str) -> None:
        """Say why, and which service."""
        super().__init__(f"{service}: {reason}")
        self.reason: CommerceReason = reason
        self.service = service


class Commerce(Protocol):
    """What `sources` and `directory` need of the shop's services."""

    async def get(self, service: str, path: str, params: Mapping[str, str], *, deadline_s: float) -> object:
        """Ask a service.

        Args:
            service: its name: orders, payments, shipments, fraud or feedback.
            path: below the service's base address, without a leading slash, its segments percent-encoded.
            params: the query; values are encoded here.
            deadline_s: seconds for everything, the wait for one's turn included.

        Returns:
            The decoded JSON document.

        Raises:
            CommerceError: there is none.
        """

    async def close(self) -> None:
        """Let go of every connection."""
