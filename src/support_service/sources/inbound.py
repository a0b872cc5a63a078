"""Reading the shop's events: from the bytes of a record to a fact, or a reason why not."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from operator import itemgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from support_service.kit.privacy import DataClass
from support_service.sources.catalog import BY_TOPIC
from support_service.sources.cloudevents import Headers, json_in, may_be_cloudevent, plain
from support_service.sources.errors import MalformedEvent, MalformedRow
from support_service.sources.mapping import FROM_ENVELOPE, EventMapping, Mappings
from support_service.sources.model import ShopEvent, entry_id_of
from support_service.sources.source import Identifier, Source

_CONFIG = ConfigDict(strict=True, extra="ignore", frozen=True)
_FIELDS = ("event_id", "version", "time", "order_id", "customer_id", "data")


class _Envelope(BaseModel):
    """What every event of the shop carries around its data; fields that are not known here are left out.

    The fields without a check of their own are checked as the row's.
    """

    model_config = _CONFIG

    event_id: Annotated[Identifier, DataClass.NONE]
    type: Annotated[str, DataClass.NONE]
    version: Annotated[Any, DataClass.NONE]
    time: Annotated[Any, DataClass.NONE]
    order_id: Annotated[Any, DataClass.NONE]
    customer_id: Annotated[Any, DataClass.PERSONAL] = None
    data: Annotated[dict[str, Any], DataClass.PERSONAL]


EventReader = Callable[[bytes, Headers], ShopEvent]
"""Reads the value of a record, with its headers; MalformedEvent: it cannot be used, and never will be as it stands.

The value is UTF-8 JSON: a plain envelope (event_id, type, version, time, order_id, customer_id?, data) or a CloudEvent, in whose
binary mode the headers are its attributes.
"""


def event_readers(mappings: Mappings) -> Mapping[str, EventReader]:
    """What reads the events of each topic; `mappings` say where the fields of those stand that are laid out otherwise."""
    return {
        topic: partial(_step_by_step, source, mappings[topic]) if topic in mappings else _reader(source)
        for topic, source in BY_TOPIC.items()
    }


def unknown_topic(_value: bytes, _headers: Headers) -> ShopEvent:
    """Reads what came from anywhere else."""
    raise MalformedEvent("unknown-topic")


@cache
def _reader(source: Source) -> EventReader:
    """Reads a plain envelope at a third of what the steps cost; they take everything else, and what is wrong with one."""
    told_in, fields, new = _whole(source).validate_json, itemgetter(*_FIELDS), tuple.__new__
    name, own_id = source.name, source.entity not in FROM_ENVELOPE

    def read(value: bytes, headers: Headers) -> ShopEvent:
        if may_be_cloudevent(value, headers):
            return _step_by_step(source, None, value, headers)
        try:
            event_id, version, occurred_at, order_id, customer_id, data = fields(told_in(value))
        except ValidationError:
            return _step_by_step(source, None, value, headers)
        entity_id = data.pop(source.entity) if own_id else order_id
        entry_id, kind = entry_id_of(name, entity_id, version), f"{name}.{data['status']}"
        # What ShopEvent(...) makes, without its call in Python.
        row = order_id, entry_id, name, event_id, entity_id, version, customer_id, kind, occurred_at, data
        return new(ShopEvent, row)

    return read


def _step_by_step(source: Source, mapping: EventMapping | None, value: bytes, headers: Headers) -> ShopEvent:
    topic = str(source.topic)
    try:
        if mapping is not None:
            envelope = _Envelope.model_validate(mapping.envelope(topic, json_in(value), headers))
        elif may_be_cloudevent(value, headers):
            envelope = _Envelope.model_validate(plain(value, headers))
        else:
            envelope = _Envelope.model_validate_json(value)
    except ValidationError as error:
        where = error.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
        raise MalformedEvent(f"invalid-{where[0]}" if where else "not-json") from None
    if envelope.type != topic:
        raise MalformedEvent("wrong-type")
    item = envelope.data | {
        "version": envelope.version,
        "occurred_at": envelope.time,
        "order_id": envelope.order_id,
        "customer_id": envelope.customer_id,
    }
    try:
        return ShopEvent.telling(envelope.event_id, source.from_item(item))
    except MalformedRow as error:
        raise MalformedEvent(f"invalid-{error.field}") from None


def _whole(source: Source) -> SchemaValidator:
    """A plain envelope with the data of one source: what the envelope and the row check, in one pass over the bytes."""
    fields = {name: (field.annotation, field) for name, field in source.row.model_fields.items()}
    own = [*source.data_keys, *({source.entity} - FROM_ENVELOPE)]
    inside: dict[str, Any] = {name: fields[name] for name in own}
    around: dict[str, Any] = {name: fields[name] for name in FROM_ENVELOPE}
    data = create_model("Data", __config__=_CONFIG, **inside)
    model = create_model(
        "Event",
        __config__=_CONFIG,
        event_id=(Annotated[Identifier, DataClass.NONE], ...),
        type=(Annotated[Literal[source.topic], DataClass.NONE], ...),  # type: ignore[arg-type] # of this one topic
        time=around.pop("occurred_at"),
        data=(Annotated[data, DataClass.PERSONAL], ...),
        **around,
    )
    return SchemaValidator(_in_dicts(TypeAdapter(model).core_schema))


def _in_dicts(schema: Any) -> CoreSchema:
    """The same checks as those of a model, ending in a dict, in the order of its fields: a third of what an object costs."""
    if schema["type"] != "model":
        return schema  # type: ignore[no-any-return]
    fields = {name: _in_dicts(field["schema"]) for name, field in schema["schema"]["fields"].items()}
    return core_schema.typed_dict_schema(
        {name: core_schema.typed_dict_field(one, required=one["type"] != "default") for name, one in fields.items()},
        config=schema["config"],
    )
