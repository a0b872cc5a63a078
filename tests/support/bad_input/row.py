"""One row: a request, and what has to come of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.api import CASES, new_case

BY_SERVER = "by the server itself"
"""Refused before the service is called: there is a status, and no problem."""
TAKEN = "taken"
BLANK = "about:blank"

HOOKS = "/support/webhooks"
CASE = f"{CASES}/{{case}}"
MESSAGES = f"{CASE}/messages"
HOOK = f"{HOOKS}/{{webhook}}"
REPLAY = f"{HOOK}/deliveries/replay"
LETTERS = "/support/dead-letters"

Body = Callable[[], Any]
"""Makes what is sent: bytes, or an iterator of them, which goes without a Content-Length."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is sent, to what, and the answer."""

    name: str
    method: str
    path: str
    """`{case}`, `{webhook}` and the like stand for what is there, see `world.World`."""
    status: int
    kind: str
    """The problem's type without its prefix, `about:blank`, `taken`, or `by the server itself`."""
    body: Body | None = None
    pointers: tuple[str, ...] | None = None
    """What a 422 names."""
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = "supervisor"
    """`supervisor`, `agent` (of another team than the case), `machine`, `nobody`, or a token of `world.TOKENS`."""
    before: str = ""
    """What is done before, see `world.prepared`."""
    raw: bytes | None = None
    """Sent as it is over a connection of its own; `{token}` stands for the caller's."""
    shows: str = ""
    """The path as the table shows it; the path itself when empty."""

    @property
    def answer(self) -> str:
        """The answer as the table tells it."""
        if self.kind == TAKEN:
            return f"{self.status}, taken"
        return f"{self.status} {self.kind}" if self.kind == BY_SERVER else f"{self.status} `{self.kind}`"

    @property
    def line(self) -> str:
        """The row as docs/bad-input.md has it."""
        return f"| {self.name} | `{self.method} {self.shows or self.path}` | {self.answer} |"


def as_json(value: object) -> Body:
    """A body that is this value."""
    return lambda: json.dumps(value).encode()


def opening(name: str, status: int, kind: str, *pointers: str, **fields: object) -> Row:
    """A case that is opened with these fields besides or instead of good ones."""
    return Row(name, "POST", CASES, status, kind, as_json(new_case(**fields)), pointers or None)


def refused(name: str, pointer: str, **fields: object) -> Row:
    """A case that is opened with a field that is refused."""
    return opening(name, 422, "invalid-input", pointer, **fields)


def bodied(name: str, status: int, kind: str, body: Body, *pointers: str, **headers: str) -> Row:
    """A case that is opened with these bytes."""
    return Row(name, "POST", CASES, status, kind, body, pointers or None, headers)


def with_metadata(text: bytes) -> Body:
    """The body of a new case whose metadata is `{"a": ...}` with this text."""
    return lambda: json.dumps(new_case()).encode()[:-1] + b', "metadata": {"a": ' + text + b"}}"
