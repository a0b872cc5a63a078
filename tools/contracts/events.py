"""The published events as JSON Schemas, and as one AsyncAPI 3 document; both come from the event models."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tools.contracts.compatibility import inlined

import support_service.wiring  # noqa: F401 - imports every slice, and so every event
from support_service import __version__
from support_service.kit.eventlog import LoggedEvent
from support_service.kit.privacy import DataClass

Schema = Mapping[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_OWN: Final = "support_service."
_HEADERS: Final[Mapping[str, str]] = {
    "ce_specversion": "1.0.",
    "ce_id": "The event's id, the same however often it comes.",
    "ce_source": "/support-service.",
    "ce_type": "The event's type.",
    "ce_subject": "Whose order is kept: a case's or a customer's id. It is the record's key, too.",
    "ce_time": "When it happened (RFC 3339).",
    "ce_sequence": "Grows with every event of the subject.",
    "ce_position": "Grows with every event.",
}


def event_types() -> Iterator[type[LoggedEvent]]:
    """Every event of the service, by the name of its type."""
    own = (one for one in LoggedEvent.__subclasses__() if one.__module__.startswith(_OWN))
    return iter(sorted(own, key=lambda one: one.type_))


def schema_of(event: type[LoggedEvent]) -> dict[str, Any]:
    """The JSON Schema of an event's data; `x-data-class` says of each field how much it tells about a person."""
    schema = event.model_json_schema(mode="serialization")
    for name, field in event.model_fields.items():
        [data_class] = (one for one in field.metadata if isinstance(one, DataClass))
        schema["properties"][name] = {**schema["properties"][name], "x-data-class": data_class.value}
    # Readers ignore what they do not know: a later version may say more.
    schema.pop("additionalProperties", None)
    return {"$schema": _DIALECT, **schema, "title": event.type_}


def asyncapi(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """The AsyncAPI document of these events, by their types."""
    messages = {type_: _message(type_, schema) for type_, schema in schemas.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "support-service: what happens to cases",
            "version": __version__,
            "description": (
                "CloudEvents 1.0 in binary mode, at least once, in the order of their subject (the record's key). They"
                " hold ids and codes, no free text; `x-data-class` says of each field how much it tells about a person."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "{topic}",
                "parameters": {"topic": {"description": "KAFKA_PUBLISH_TOPIC."}},
                "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in messages},
            }
        },
        "operations": {"publish": {"action": "send", "channel": {"$ref": "#/channels/events"}}},
        "components": {
            "messages": messages,
            "schemas": {type_: inlined(schema, schema) for type_, schema in schemas.items()},
        },
    }


def _message(type_: str, schema: Schema) -> dict[str, Any]:
    headers = {name: {"type": "string", "description": says} for name, says in _HEADERS.items()}
    return {
        "name": type_,
        "summary": schema.get("description", ""),
        "headers": {
            "type": "object",
            "required": list(headers),
            "properties": {
                **headers,
                "ce_type": {"const": type_},
                "ce_requestid": {"type": "string", "description": "The id of the request that caused it."},
                "ce_traceparent": {"type": "string", "description": "The trace of that request (W3C Trace Context)."},
            },
        },
        "payload": {"$ref": f"#/components/schemas/{type_}"},
    }
