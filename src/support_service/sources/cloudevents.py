"""Events that come as CloudEvents 1.0, laid out as the plain envelope.

Both modes of the Kafka protocol binding: structured (all of it in the value) and binary (attributes in headers called
`ce_...`, the value is the data).

| plain envelope | CloudEvent |
|---|---|
| event_id | `id` |
| type, time | `type`, `time` |
| version | `version` of the data, else the extension `sequence` |
| order_id | `order_id` of the data, else `subject` |
| customer_id | `customer_id` of the data |
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from support_service.sources.errors import MalformedEvent

Headers = Sequence[tuple[str, bytes]]

_PREFIX = "ce_"
_VERSION = "1.0"
_STRUCTURED = b"application/cloudevents"


def may_be_cloudevent(headers: Headers) -> bool:
    """Whether a record's headers speak of a CloudEvent, as the binding has both modes do."""
    return any(
        name.lower() == "ce_specversion" or (name.lower() == "content-type" and value.lower().startswith(_STRUCTURED))
        for name, value in headers
    )


def plain(value: bytes, headers: Headers) -> object:
    """What a record says, as the plain envelope if it is a CloudEvent, else as it is.

    Raises:
        MalformedEvent: its value is not JSON, or it is a CloudEvent of another version.
    """
    told = json_in(value)
    attributes = _attributes(headers)
    if "specversion" in attributes:
        return _envelope(attributes, told)
    if isinstance(told, dict) and "specversion" in told and "event_id" not in told:  # no attribute is called so
        return _envelope(told, told.get("data"))
    return told


def _envelope(attributes: Mapping[str, Any], data: object) -> dict[str, Any]:
    if attributes["specversion"] != _VERSION:
        raise MalformedEvent("invalid-specversion")
    own = data if isinstance(data, dict) else {}
    return {
        "event_id": attributes.get("id"),
        "type": attributes.get("type"),
        "version": own.get("version", _number(attributes.get("sequence"))),
        "time": attributes.get("time"),
        "order_id": own.get("order_id", attributes.get("subject")),
        "customer_id": own.get("customer_id"),
        "data": data,
    }


def _attributes(headers: Headers) -> dict[str, str]:
    return {
        name.lower().removeprefix(_PREFIX): value.decode("utf-8", "replace")
        for name, value in headers
        if name.lower().startswith(_PREFIX)
    }


def _number(sequence: object) -> object:
    """The extension `sequence` is text; one that is no number is left as it is, to be refused as a version."""
    return int(sequence) if isinstance(sequence, str) and sequence.isdecimal() and sequence.isascii() else sequence


def json_in(value: bytes) -> object:
    """A record's value as JSON.

    Raises:
        MalformedEvent: it is none.
    """
    try:
        told: object = from_json(value, allow_inf_nan=False)
    except ValueError:
        raise MalformedEvent("not-json") from None
    return told
