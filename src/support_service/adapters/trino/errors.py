"""What can go wrong with a query, in Trino's words and in the lake's.

Error names and types: https://github.com/trinodb/trino/blob/476/core/trino-spi/src/main/java/io/trino/spi/StandardErrorCode.java
"""

from collections.abc import Mapping
from typing import Any

from support_service.ports.lake import LakeReason

_BY_NAME: Mapping[str, LakeReason] = {
    "SERVER_STARTING_UP": "starting",
    "SERVER_SHUTTING_DOWN": "unavailable",
    "USER_CANCELED": "unavailable",
    "ADMINISTRATIVELY_KILLED": "limit",
    "ADMINISTRATIVELY_PREEMPTED": "limit",
}
_BY_TYPE: Mapping[str, LakeReason] = {
    "USER_ERROR": "rejected",
    "INSUFFICIENT_RESOURCES": "limit",  # EXCEEDED_TIME_LIMIT, EXCEEDED_LOCAL_MEMORY_LIMIT, QUERY_QUEUE_FULL, ...
    "INTERNAL_ERROR": "unavailable",
    "EXTERNAL": "unavailable",
}
_BY_STATUS: Mapping[int, LakeReason] = {429: "limit", 502: "unavailable", 503: "unavailable", 504: "unavailable"}
_PERHAPS_ONE_CATALOG = frozenset({"DEADLINE", "EXCEEDED_TIME_LIMIT", "INVALID_VIEW"})
"""A view cannot be analysed (INVALID_VIEW) when the metadata of one catalog below it cannot be read."""


class TrinoError(Exception):
    """A query was not answered."""

    def __init__(self, name: str, reason: LakeReason, message: str = "", *, perhaps_one_catalog: bool = False) -> None:
        """Say why.

        Args:
            name: Trino's own name of the error, or one of ours where Trino said nothing.
            reason: what it means to whoever reads the lake.
            message: for an operator; it may quote the statement.
            perhaps_one_catalog: whether a single catalog that is away could be behind it.
        """
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name
        self.reason: LakeReason = reason
        self.perhaps_one_catalog = perhaps_one_catalog or name in _PERHAPS_ONE_CATALOG

    @classmethod
    def told(cls, error: object) -> "TrinoError":
        """The error in a page of Trino's answer."""
        if not isinstance(error, dict):
            return cls("UNREADABLE", "malformed")
        told: Mapping[str, Any] = error
        name, kind = str(told.get("errorName")), str(told.get("errorType"))
        reason = _BY_NAME.get(name, _BY_TYPE.get(kind, "unavailable"))
        return cls(name, reason, str(told.get("message", "")), perhaps_one_catalog=kind == "EXTERNAL")

    @classmethod
    def answered(cls, status: int) -> "TrinoError":
        """The error of an HTTP status: who may not sign in (401, 403) finds the lake away, as does who lost a query."""
        return cls(f"HTTP_{status}", _BY_STATUS.get(status, "unavailable"))
