"""What the ETag of a first page says (RFC 9110), so that who was shown it is shown nothing older by another process.

`"<generation>-<microseconds>-<page>"`: the customer's generation at the page's fill, when the fill began, and a checksum of
the page's key. A case that is read with its timeline has the case's version, and the count of its reported deliveries if
there are any, in front of that. To everybody but us a tag is opaque; one that is not of this page, or cannot be read, says
nothing.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from zlib import crc32

from support_service.ports.cache import CachedBody

_TAG = re.compile(r'"(?:[0-9]{1,18}-){0,2}([0-9]{1,18})-([0-9]{1,18})-([0-9a-f]{8})"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class PageState:
    """How far a page is: of two the later fill of the same generation is the greater."""

    generation: int
    filled_us: int

    @classmethod
    def of(cls, page: CachedBody) -> Self:
        """The state of a page."""
        return cls(page.generation, (page.filled_at - _EPOCH) // _MICROSECOND)


def tag_of(name: str, page: CachedBody) -> str:
    """The ETag of the page that is cached under this name, quotes included."""
    state = PageState.of(page)
    return f'"{state.generation}-{state.filled_us}-{_mark(name)}"'


def newest_seen(if_none_match: str | None, name: str) -> PageState | None:
    """The newest state of this page among the tags of an If-None-Match header."""
    if if_none_match is None:
        return None
    mark = _mark(name)
    seen = (
        PageState(int(generation), int(filled_us))
        for generation, filled_us, found in _TAG.findall(if_none_match)
        if found == mark
    )
    return max(seen, default=None)


def older(page: CachedBody, seen: PageState | None) -> bool:
    """Whether a page is from before what was seen."""
    return seen is not None and PageState.of(page) < seen


def _mark(name: str) -> str:
    return f"{crc32(name.encode()):08x}"
