"""A batch that Kafka has not kept is never told as kept."""

import socket

import pytest

from support_service.adapters.kafka import KafkaPublisher, publisher
from support_service.ports.publisher import OutgoingEvent, PublisherError

EVENT = OutgoingEvent("support.test.happened", "c-1", "{}", [])


async def test_what_still_waits_when_its_time_is_over_was_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        silent = KafkaPublisher(f"127.0.0.1:{mute.getsockname()[1]}", topic="events")
        # From here on the batch's time ends before the client gives a single event up, so nothing is told of any.
        monkeypatch.setattr(publisher, "_DELIVERED_WITHIN_S", -0.8)
        with pytest.raises(PublisherError, match="1 events were not kept in time"):
            await silent.publish([EVENT])
        await silent.close()
