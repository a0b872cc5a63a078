"""Reading the shop's events: from the bytes of a record to a fact, or a reason why not."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from support_service.kit.privacy import DataClass
from support_service.sources.catalog import BY_TOPIC
from support_service.sources.cloudevents import Headers, json_in, may_be_cloudevent, plain
from support_service.sources.errors import MalformedEvent, MalformedRow
from support_service.sources.mapping import EventMapping
from support_service.sources.model import ShopEvent
from support_service.sources.source import Identifier


class _Envelope(BaseModel):
    """What every event of the shop carries around its data; fields that are not known here are left out.

    The fields without a check of their own are checked as the row's.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    event_id: Annotated[Identifier, DataClass.NONE]
    type: Annotated[str, DataClass.NONE]
    version: Annotated[Any, DataClass.NONE]
    time: Annotated[Any, DataClass.NONE]
    order_id: Annotated[Any, DataClass.NONE]
    customer_id: Annotated[Any, DataClass.PERSONAL] = None
    data: Annotated[dict[str, Any], DataClass.PERSONAL]


def parse_event(value: bytes, topic: str, headers: Headers = (), *, mapping: EventMapping | None = None) -> ShopEvent:
    """The event in a record.

    Args:
        value: UTF-8 JSON: the plain envelope (event_id, type, version, time, order_id, customer_id?, data), or a CloudEvent.
        topic: where the record came from; must be the event's type.
        headers: of the record; in those of a binary CloudEvent are its attributes.
        mapping: where its fields stand, if it is laid out otherwise than both.

    Raises:
        MalformedEvent: it cannot be used, and never will be as it stands.
    """
    source = BY_TOPIC.get(topic)
    if source is None:
        raise MalformedEvent("unknown-topic")
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
        return ShopEvent(envelope.event_id, source.from_item(item))
    except MalformedRow as error:
        raise MalformedEvent(f"invalid-{error.field}") from None
