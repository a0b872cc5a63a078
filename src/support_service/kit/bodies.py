"""The body of a request, read whole and in time, and the JSON in it, which is held to what RFC 8259 and I-JSON say.

Python's own reader takes more than that: UTF-16, NaN, the last of two equal keys, numbers of any length. What two readers
can understand differently is refused, so that what is checked here is what everybody later reads.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.types import Receive

from support_service.kit.problems import Malformed, TooSlow

WITHIN_S = 30.0
"""So long a body may take to arrive."""

_DEEPEST = 64
_MOST_DIGITS = 20
_BOM = b"\xef\xbb\xbf"


class BodyUnreadable(Malformed):
    """The body is not the JSON that it has to be."""


class BodyCutOff(Malformed):
    """The body is shorter than its Content-Length says."""


class BodyTooSlow(TooSlow):
    """The body took too long to arrive."""


async def body_of(request: Request) -> bytes:
    """The body, whole.

    Raises:
        BodyCutOff: its sender broke off. Some servers give the part that came as if it were all.
        BodyTooSlow: it did not come in time.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            body = await _read(request.receive)
    except TimeoutError as error:
        raise BodyTooSlow(f"All of it must be here within {WITHIN_S:.0f} s.") from error
    if len(body) != int(request.headers.get("content-length", len(body))):
        raise BodyCutOff
    return body


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyCutOff
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def json_in(body: bytes) -> Any:
    """What a JSON text in UTF-8 says; a byte order mark before it is passed over, as RFC 8259, section 8.1 allows.

    Raises:
        BodyUnreadable: it is none, or one that can be read in two ways.
    """
    try:
        text = body.removeprefix(_BOM).decode()
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
        )
    except UnicodeDecodeError as error:
        raise BodyUnreadable(f"It is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise BodyUnreadable(f"{error.msg}: line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise BodyUnreadable(_TOO_DEEP) from error
    if text.count("[") + text.count("{") > _DEEPEST and _is_deep(value):
        raise BodyUnreadable(_TOO_DEEP)
    return value


_TOO_DEEP = f"It is nested deeper than {_DEEPEST}."


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BodyUnreadable("An object in it has the same key twice.")
    return members


def _no_constant(name: str) -> NoReturn:
    raise BodyUnreadable(f"{name} is no JSON.")


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise BodyUnreadable(f"An integer in it has more than {_MOST_DIGITS} digits.")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise BodyUnreadable("A number in it is too large.")
    return number


def _is_deep(value: Any) -> bool:
    """Level by level, as going down into each could itself go too deep."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            member
            for each in level
            if isinstance(each, dict | list)
            for member in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, dict | list) for each in level)
