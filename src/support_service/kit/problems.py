"""Errors as answers: every refusal is a class with its own status and type, sent as an RFC 9457 problem.

    Problem
    ├── Malformed 400           ├── NotFound 404            ├── TooLarge 413              ├── PreconditionRequired 428
    ├── Unauthenticated 401     ├── Conflict 409            ├── UnsupportedMedia 415      ├── TooManyRequests 429
    └── Forbidden 403           ├── TooSlow 408             ├── InvalidInput 422          └── Unavailable 503
                                └── PreconditionFailed 412

Slices subclass these in their `errors.py`. The first line of the docstring is the title a caller reads; docs/problems.md
lists all of them.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

TYPE_PREFIX = "urn:support-service:problem:"
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the field's own word (RFC 9457) for an error that is an answer
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong."

    def __init_subclass__(cls) -> None:
        """Derive the type slug from the class name and the title from the docstring."""
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        cls.title = (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def __init__(self, detail: str = "", /, *, headers: Mapping[str, str] | None = None, **members: object) -> None:
        """Say what happened here.

        Args:
            detail: one sentence for the person who reads this occurrence; never SQL, a stack or another's data.
            headers: response headers that belong to this answer, such as `WWW-Authenticate`.
            members: further members of the problem body; must be JSON values.
        """
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def body(self) -> dict[str, Any]:
        """The problem as RFC 9457, section 3 writes it, without `instance`."""
        told = {"type": TYPE_PREFIX + self.code, "title": self.title, "status": self.status}
        return told | {"detail": self.detail or self.title} | self.members


class Malformed(Problem):
    """The request cannot be read."""

    status = 400


class InvalidInput(Problem):
    """The request cannot be accepted as it is."""

    status = 422


class NotFound(Problem):
    """There is nothing here, or nothing that you may see."""

    status = 404


class Conflict(Problem):
    """The request conflicts with what is there now."""

    status = 409


class Unauthenticated(Problem):
    """A valid access token is needed."""

    status = 401


class Forbidden(Problem):
    """Your role does not allow this."""

    status = 403


class TooLarge(Problem):
    """The request is larger than is accepted."""

    status = 413


class UnsupportedMedia(Problem):
    """The body is of a kind that is not accepted here."""

    status = 415


class TooSlow(Problem):
    """The request took too long to arrive."""

    status = 408


class TooManyRequests(Problem):
    """You ask for this more often than is accepted."""

    status = 429


class PreconditionFailed(Problem):
    """It has changed since you read it."""

    status = 412


class PreconditionRequired(Problem):
    """Say which version you are changing, with If-Match."""

    status = 428


class Unavailable(Problem):
    """A part that this needs does not answer right now."""

    status = 503
