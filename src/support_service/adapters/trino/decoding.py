"""The rows of an answer as Python values, checked against what was asked for.

Trino sends bigint as a JSON number, varchar as text, and a timestamp with time zone as `2026-11-24 01:02:03.123456 UTC`
(https://trino.io/docs/current/develop/client-protocol.html). Queries here give every moment in UTC.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from support_service.adapters.trino.errors import TrinoError

Kind = Literal["varchar", "bigint", "timestamp with time zone"]
_UTC = " UTC"


def decoded(columns: object, rows: Sequence[Any], kinds: Sequence[Kind]) -> list[list[Any]]:
    """Each row as text, integers and aware datetimes in UTC; null as None.

    Raises:
        TrinoError: `malformed`: the columns are others than these, or a value is not of its column.
    """
    if not isinstance(columns, list) or [_raw_type(column) for column in columns] != list(kinds):
        raise TrinoError("UNREADABLE", "malformed", "not the columns asked for")
    try:
        return [[_READ[kind](value) for kind, value in zip(kinds, row, strict=True)] for row in rows]
    except (TypeError, ValueError) as error:
        raise TrinoError("UNREADABLE", "malformed", "not a value of its column") from error


def _raw_type(column: object) -> object:
    signature = column.get("typeSignature") if isinstance(column, dict) else None
    return signature.get("rawType") if isinstance(signature, dict) else None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError


def _integer(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    raise TypeError


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.endswith(_UTC):
        raise TypeError
    return datetime.fromisoformat(value.removesuffix(_UTC) + "+00:00")


_READ: dict[Kind, Callable[[object], Any]] = {
    "varchar": _text,
    "bigint": _integer,
    "timestamp with time zone": _moment,
}
