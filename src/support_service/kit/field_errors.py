"""What is wrong with which part of a request, as a problem tells it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

_MOST_FIELD_ERRORS = 20


class FieldError(BaseModel):
    """What is wrong with one part of a request."""

    in_: str = Field(alias="in", description="`body`, `query`, `path` or `header`.")
    pointer: str = Field(description="A JSON Pointer into the body, or the parameter's name; empty for all of it.")
    detail: str


def field_errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """What is wrong with which field, without the value that was sent: it may be a customer's."""
    return [
        {"in": str(error["loc"][0]), "pointer": _pointer(error), "detail": str(error["msg"])}
        for error in errors[:_MOST_FIELD_ERRORS]
    ]


def _pointer(error: Mapping[str, Any]) -> str:
    """A JSON Pointer (RFC 6901) into the body, empty for all of it, or the parameter's name."""
    where, *path = error["loc"]
    if where != "body":
        return "".join(str(part) for part in path)
    if error["type"] == "json_invalid":
        return ""  # the path is then an offset into what is no JSON
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
