"""What texts, moments and switches in requests are made of, the same wherever they are sent.

An identifier is ASCII by its pattern. A name (a team, a tag) is compared and grouped by, so nothing in it may be invisible
or turn the direction of what is read. A line and a text are people's own words: they are kept as they are written, and it is for
whoever shows them to keep their direction to themselves.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from unicodedata import category

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StrictBool

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_LARGEST_OBJECT = 16_384
_DEEPEST_OBJECT = 6
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
"""Control characters, and the separators of lines and paragraphs."""


def without_nul(text: str) -> str:
    """A text that PostgreSQL can hold.

    Raises:
        ValueError: it holds the one character that it cannot.
    """
    if "\x00" in text:
        message = "must not hold the NUL character"
        raise ValueError(message)
    return text


def printable(text: str) -> str:
    """A text of which every character is seen.

    Raises:
        ValueError: it holds control characters, invisible ones, or ones that turn the direction.
    """
    if not text.isprintable():
        message = "must hold printable characters only"
        raise ValueError(message)
    return text


def one_line(text: str) -> str:
    """A text that is one line.

    Raises:
        ValueError: it holds a line break or another control character.
    """
    if any(category(character) in _BREAKS for character in text):
        message = "must be one line, without control characters"
        raise ValueError(message)
    return text


def _written(value: object) -> object:
    if not isinstance(value, str | datetime):  # JSON knows the first only
        message = "must be a date and time as text"
        raise ValueError(message)  # noqa: TRY004 - pydantic takes a ValueError only
    return value


def _plausible(moment: datetime) -> datetime:
    if not _EARLIEST <= moment < _LATEST:
        message = f"must be from {_EARLIEST.year} on and before {_LATEST.year}"
        raise ValueError(message)
    return moment


def _unicode(text: str) -> None:
    """Refuse half of a surrogate pair, which JSON can write as an escape and PostgreSQL cannot hold."""
    try:
        without_nul(text).encode()
    except UnicodeEncodeError as error:
        message = "must hold whole Unicode characters only"
        raise ValueError(message) from error


def _small(value: dict[str, Any]) -> dict[str, Any]:
    _measure(value, 1)
    if len(json.dumps(value, ensure_ascii=False)) > _LARGEST_OBJECT:
        message = f"must hold at most {_LARGEST_OBJECT} characters as JSON"
        raise ValueError(message)
    return value


def _measure(value: object, depth: int) -> None:
    if depth > _DEEPEST_OBJECT:
        message = f"must not be nested deeper than {_DEEPEST_OBJECT}"
        raise ValueError(message)
    if isinstance(value, str):
        _unicode(value)
    elif isinstance(value, dict):
        for key, member in value.items():
            _unicode(key)
            _measure(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _measure(member, depth + 1)


NotNul = AfterValidator(without_nul)
Printable = AfterValidator(printable)
OneLine = AfterValidator(one_line)
Switch = StrictBool
"""True or false; not a word or a number that could mean one."""
Moment = Annotated[
    AwareDatetime, BeforeValidator(_written, json_schema_input_type=AwareDatetime), AfterValidator(_plausible)
]
"""RFC 3339, with its offset, of a year that a case can be of."""
SmallObject = Annotated[dict[str, Any], AfterValidator(_small)]
"""A JSON object of the sender's own making, of at most 16,384 characters and six levels."""
