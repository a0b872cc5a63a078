"""Reading the shop's events: from the bytes of a record to a fact, or a reason why not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, core_schema

from support_service.kit.privacy import DataClass
from support_service.ports.events import Record
from support_service.sources.catalog import BY_TOPIC
from support_service.sources.cloudevents import json_in, may_be_cloudevent, plain
from support_service.sources.errors import MalformedEvent, MalformedRow
from support_service.sources.mapping import FROM_ENVELOPE, EventMapping, Mappings
from support_service.sources.model import ShopEvent
from support_service.sources.source import Identifier, Source, in_utc

_CONFIG = ConfigDict(strict=True, extra="ignore", frozen=True)


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


class ReadEvents(NamedTuple):
    """What a batch tells: the records that could be read, the event that each of them is, and the others with what is wrong."""

    records: Sequence[Record]
    events: Sequence[ShopEvent]
    refused: Sequence[tuple[Record, str]]


EventReader = Callable[[Sequence[Record]], ReadEvents]
"""Reads a batch of records, in their order.

The value of each is UTF-8 JSON: a plain envelope (event_id, type, version, time, order_id, customer_id?, data) or a CloudEvent,
in whose binary mode the headers are its attributes. What is refused cannot be used, and never will be as it stands.
"""


def event_reader(mappings: Mappings) -> EventReader:
    """What reads the events of all topics; `mappings` say where the fields of those stand that are laid out otherwise."""
    checks = {topic: _check(source) for topic, source in BY_TOPIC.items() if topic not in mappings}
    new = tuple.__new__

    def read(records: Sequence[Record]) -> ReadEvents:
        """Plain envelopes at a third of what the steps cost, in one loop as each call would count; the steps take what is left."""
        readable, events, refused = [], [], []
        for record in records:
            check, headers, event = checks.get(record.topic), record.headers, None
            if check is not None and not (headers and may_be_cloudevent(headers)):
                checked, source, entity = check
                try:
                    order_id, version, event_id, customer_id, occurred_at, data, _ = checked(record.value).values()
                    if occurred_at.tzinfo is not UTC:  # few are not; asked here, as a call costs more
                        occurred_at = in_utc(occurred_at)
                    entity_id = order_id if entity is None else data.pop(entity)
                    row = order_id, source, entity_id, version, event_id, customer_id, occurred_at, data
                    event = new(ShopEvent, row)  # what ShopEvent(...) makes, without its call in Python
                except ValueError:
                    event = None  # it is laid out otherwise, or the steps say what is wrong with it
            try:
                events.append(event or _step_by_step(record, mappings.get(record.topic)))
                readable.append(record)
            except MalformedEvent as error:
                refused.append((record, error.reason))
        return ReadEvents(readable, events, refused)

    return read


def _step_by_step(record: Record, mapping: EventMapping | None) -> ShopEvent:
    topic, value, headers = record.topic, record.value, record.headers
    source = BY_TOPIC.get(topic)
    if source is None:
        raise MalformedEvent("unknown-topic")
    try:
        told = plain(value, headers) if mapping is None else mapping.envelope(topic, json_in(value), headers)
        envelope = _Envelope.model_validate(told)
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


@cache
def _check(source: Source) -> tuple[Callable[[bytes], dict[str, Any]], str, str | None]:
    """What checks the plain envelopes of a source, its name, and the field of the data that is its entity, if one is."""
    return _whole(source).validate_json, source.name, None if source.entity in FROM_ENVELOPE else source.entity


def _whole(source: Source) -> SchemaValidator:
    """A plain envelope with the data of one source: what the envelope and the row check, in one pass over the bytes.

    Ends in a dict of order_id, version, event_id, customer_id, time (with the offset it was told), data and type.
    """
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in source.row.model_fields.items()}
    own = [*source.data_keys, *({source.entity} - FROM_ENVELOPE)]
    # In the order in which jsonb keeps its keys: PostgreSQL need not sort them.
    inside = {name: fields[name] for name in sorted(own, key=lambda name: (len(name), name))}
    data = create_model("Data", __config__=_CONFIG, **inside)
    model = create_model(
        "Event",
        __config__=_CONFIG,
        order_id=fields["order_id"],
        version=fields["version"],
        event_id=(Annotated[Identifier, DataClass.NONE], ...),
        customer_id=fields["customer_id"],
        time=(Annotated[str, AfterValidator(datetime.fromisoformat), DataClass.NONE], ...),
        data=(Annotated[data, DataClass.PERSONAL], ...),
        type=(Annotated[Literal[source.topic], DataClass.NONE], ...),  # type: ignore[arg-type] # of this one topic
    )
    # Few values are like others of late: to look for those costs more than to make each anew.
    return SchemaValidator(_in_dicts(TypeAdapter(model).core_schema), CoreConfig(cache_strings="keys"))


def _in_dicts(schema: Any) -> CoreSchema:
    """The same checks as those of a model, ending in a dict, in the order of its fields: a third of what an object costs."""
    if schema["type"] != "model":
        return schema  # type: ignore[no-any-return]
    fields = {name: _in_dicts(field["schema"]) for name, field in schema["schema"]["fields"].items()}
    return core_schema.typed_dict_schema(
        {name: core_schema.typed_dict_field(one, required=one["type"] != "default") for name, one in fields.items()},
        config=schema["config"],
    )
