"""Shops whose events are laid out otherwise: where each field stands in them, as a file says (docs/events.md shows one).

A mapping only says where; what a field must be is checked as ever, so a message that does not fit is a dead letter.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from support_service.sources.catalog import BY_TOPIC
from support_service.sources.cloudevents import Headers
from support_service.sources.source import Source

_HEADER = "header:"
FROM_ENVELOPE = frozenset({"version", "occurred_at", "order_id", "customer_id"})
"""Fields of a row that the envelope holds."""

As = Literal["it_is", "text", "minor_units", "time_from_ms", "time_from_s", "seconds"]
"""How a value is read: as it is; a number as text; an amount as its smallest unit; a time from milliseconds or seconds since
1970; or the whole seconds since 1970 (a version, where a shop counts none) from a time or from milliseconds."""


class Place(BaseModel):
    """Where a field stands, and how it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    as_: As = Field(default="it_is", alias="as")
    digits: int = Field(default=2, ge=0, le=4)
    """Of `minor_units`: digits after the point."""
    values: Mapping[str, str] = {}
    """What stands for what; others stay as they are."""

    def read(self, told: object, headers: Mapping[str, str]) -> object:
        """The field's value in a message; None when there is none, and what cannot be read as it is."""
        found = headers.get(self.path.removeprefix(_HEADER)) if self.path.startswith(_HEADER) else _at(told, self.path)
        if isinstance(found, str):
            found = self.values.get(found, found)
        if found is None or self.as_ == "it_is":
            return found
        try:
            return _read(found, self.as_, self.digits)
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            return found  # to be refused as what it is


_Place = Annotated[Place, BeforeValidator(lambda value: {"path": value} if isinstance(value, str) else value)]


class EventMapping(BaseModel):
    """Where the fields of one kind of event stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: _Place
    version: _Place
    time: _Place
    order_id: _Place
    customer_id: _Place | None = None
    data: Mapping[str, _Place]

    def envelope(self, type_: str, told: object, headers: Headers) -> dict[str, Any]:
        """A message as the plain envelope."""
        texts = {name.lower(): value.decode("utf-8", "replace") for name, value in headers}
        return {
            "event_id": self.event_id.read(told, texts),
            "type": type_,
            "version": self.version.read(told, texts),
            "time": self.time.read(told, texts),
            "order_id": self.order_id.read(told, texts),
            "customer_id": None if self.customer_id is None else self.customer_id.read(told, texts),
            "data": {name: place.read(told, texts) for name, place in self.data.items()},
        }


Mappings = Mapping[str, EventMapping]
"""By type of event."""

_MAPPINGS: TypeAdapter[dict[str, EventMapping]] = TypeAdapter(dict[str, EventMapping])


class MappingError(ValueError):
    """A mapping names what is not there, or leaves out what is needed; it says all of it."""


def mappings_in(document: object) -> Mappings:
    """The mappings in a TOML document that was read.

    Raises:
        MappingError: there are faults in it.
    """
    try:
        found = _MAPPINGS.validate_python(document)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        raise MappingError("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong)) from None
    faults = [fault for type_, mapping in found.items() for fault in _faults(type_, mapping)]
    if faults:
        raise MappingError("; ".join(faults))
    return found


def _faults(type_: str, mapping: EventMapping) -> list[str]:
    source = BY_TOPIC.get(type_)
    if source is None:
        return [f"{type_}: there is no such event; there are {', '.join(sorted(BY_TOPIC))}"]
    own = set(source.row.model_fields) - FROM_ENVELOPE
    needed = {name for name in own if source.row.model_fields[name].is_required()}
    statuses = set(mapping.data["status"].values.values()) - set(source.statuses) if "status" in mapping.data else ()
    return [
        *(f"{type_}: data has no {name}" for name in sorted(mapping.data.keys() - own)),
        *(f"{type_}: data needs {name}" for name in sorted(needed - mapping.data.keys())),
        *(f"{type_}: {status} is no status of {_article(source)}" for status in sorted(statuses)),
    ]


def _article(source: Source) -> str:
    return f"an {source.name}" if source.name[0] in "aeiou" else f"a {source.name}"


def _at(told: object, path: str) -> object:
    found = told
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _read(found: Any, as_: As, digits: int) -> object:
    match as_:
        case "text":
            return str(found)
        case "minor_units":
            minor = Decimal(str(found)).scaleb(digits)
            return int(minor) if minor == minor.to_integral_value() else found
        case "time_from_ms":
            return datetime.fromtimestamp(int(found) / 1000, UTC).isoformat()
        case "time_from_s":
            return datetime.fromtimestamp(float(found), UTC).isoformat()
        case "seconds":
            return int(datetime.fromisoformat(found).timestamp()) if isinstance(found, str) else int(found) // 1000
        case _:
            return found
