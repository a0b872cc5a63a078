"""The lake: one federated, read-only query over the truth of all sources.

The answer is rows of the timeline view. A lake that cannot answer says so with `LakeError`, always within the deadline
it was given; what to do then is the caller's business.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

LakeReason = Literal["unavailable", "timeout", "starting", "limit", "rejected", "malformed"]
"""unavailable: no connection; timeout: no answer within the deadline; starting: up, but not ready; limit: refused for
its load or the query's size; rejected: refused as it stands (no such view, no right); malformed: an unreadable answer.
"""


class LakeRow(NamedTuple):
    """One row of the timeline view; `occurred_at` is aware, in UTC, and `data` is the text of a JSON object."""

    source: str
    entity_id: str
    customer_id: str | None
    order_id: str
    version: int
    kind: str
    occurred_at: datetime
    data: str


class LakeError(Exception):
    """The lake did not answer."""

    def __init__(self, reason: LakeReason, source: str | None = None) -> None:
        """Say why, and which source's catalog is to blame when it is one alone (the others can then be asked for)."""
        super().__init__(reason)
        self.reason: LakeReason = reason
        self.source = source


class Lake(Protocol):
    """What `sources` needs of a federated query engine."""

    async def facts(
        self, order_ids: Sequence[str], *, sources: Collection[str], since: datetime, limit: int, deadline_s: float
    ) -> list[LakeRow]:
        """The newest facts about these orders, newest first.

        Args:
            order_ids: any number, in one query; an unknown one has no rows.
            sources: which sources to read; the catalogs of others are not touched.
            since: aware; facts that occurred before it are not read.
            limit: rows at most; ask for one more than wanted to learn whether there are more.
            deadline_s: seconds until `LakeError("timeout")`, the wait for a free connection included.

        Raises:
            LakeError: the lake, or one source's catalog in it, did not answer.
        """

    async def newest_orders(
        self, customer_ids: Sequence[str], *, limit: int, deadline_s: float
    ) -> dict[str, list[str]]:
        """The ids of each customer's newest orders by the time of their first version, newest first.

        Args:
            customer_ids: any number, in one query; one without orders is not in the answer.
            limit: orders of each customer at most.
            deadline_s: as above.

        Raises:
            LakeError: the lake did not answer.
        """

    async def ping(self, *, deadline_s: float) -> None:
        """Return once the view can be queried.

        Raises:
            LakeError: it cannot.
        """

    async def close(self) -> None:
        """Let go of every connection."""
