"""One shop event, as the service reads it."""

from collections.abc import Sequence
from typing import Any

from support_service.ports.events import Record
from support_service.sources import EventReader, Mappings, ShopEvent, event_reader

Headers = Sequence[tuple[str, bytes]]
_plain = event_reader({})


def told(topic: str, value: bytes, headers: Headers = (), *, mappings: Mappings | None = None) -> ShopEvent | str:
    """The event that a record is, or the reason why it is none."""
    read: EventReader = event_reader(mappings) if mappings else _plain
    record = Record(topic, 0, 7, None, value, tuple(headers), 0.0)
    found = read([record])
    assert (len(found.events), [refused for refused, _ in found.refused]) in [(1, []), (0, [record])]
    assert list(found.records) == [record] * len(found.events)
    return found.events[0] if found.events else found.refused[0][1]


def event(*args: Any, **named: Any) -> ShopEvent:
    """The same where it must be one."""
    found = told(*args, **named)
    assert not isinstance(found, str), found
    return found
