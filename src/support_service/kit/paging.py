"""Keyset paging: a cursor is the sort key of the last row seen, so page 1,000 costs what page 1 costs.

No list has a total: counting a million rows to show fifty is what makes helpdesks slow.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import Field

from support_service.kit.models import Input
from support_service.kit.problems import InvalidInput

_LONGEST_CURSOR = 512
_Row = TypeVar("_Row")

PageSize = Annotated[int, Field(ge=1, le=100)]


class PageQuery(Input):
    """Which page of a list; `cursor` is the one that the page before gave out."""

    limit: PageSize = 100
    cursor: str | None = Field(default=None, max_length=_LONGEST_CURSOR)


class InvalidCursor(InvalidInput):
    """This cursor was not given out by this list."""


def encode_cursor(key: Sequence[str | int]) -> str:
    """The sort key of the last row of a page, as text for a URL."""
    text = json.dumps(list(key), separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def cut(
    found: Sequence[_Row], limit: int, key: Callable[[_Row], UUID | str | int]
) -> tuple[Sequence[_Row], str | None]:
    """A page of rows of which one more than `limit` was asked for, and the cursor of the next page, if that one was there.

    Args:
        found: in the order of the list.
        limit: the most that a page shows.
        key: of a row, what the list is sorted by.
    """
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    last = key(shown[-1])
    return shown, encode_cursor([str(last) if isinstance(last, UUID) else last])


def decode_cursor(cursor: str, shape: Sequence[type[str] | type[int]]) -> list[str | int]:
    """The sort key in a cursor, its members checked against `shape`.

    Raises:
        InvalidCursor: it is not a cursor of this list.
    """
    if len(cursor) > _LONGEST_CURSOR:
        raise InvalidCursor
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise InvalidCursor from error
    if not isinstance(key, list) or len(key) != len(shape):
        raise InvalidCursor
    if any(type(member) is not wanted for member, wanted in zip(key, shape, strict=True)):
        raise InvalidCursor
    return key


def id_in(cursor: str) -> UUID:
    """The id in a cursor of a list that is sorted by ids alone.

    Raises:
        InvalidCursor: it is not a cursor of such a list.
    """
    try:
        return UUID(str(decode_cursor(cursor, (str,))[0]))
    except ValueError as error:
        raise InvalidCursor from error
