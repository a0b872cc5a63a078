"""Every field of an event that is logged says what class of data it holds, from its first day."""

from importlib import import_module

from support_service.kit.eventlog import LoggedEvent
from support_service.kit.privacy import DataClass

for _room in ("cases", "context"):
    import_module(f"support_service.{_room}.events")

EVENTS = [event for event in LoggedEvent.__subclasses__() if event.__module__.startswith("support_service.")]


def test_every_field_of_every_logged_event_has_its_data_class() -> None:
    assert len(EVENTS) >= 7
    untagged = [
        f"{event.type_}.{name}"
        for event in EVENTS
        for name, field in event.model_fields.items()
        if not any(isinstance(tag, DataClass) for tag in field.metadata)
    ]
    assert untagged == []


def test_customers_are_personal_wherever_they_are_named() -> None:
    named = [event.model_fields["customer_id"] for event in EVENTS if "customer_id" in event.model_fields]
    assert named
    assert all(DataClass.PERSONAL in field.metadata for field in named)
