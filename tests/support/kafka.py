"""Topics of one test on the run's Kafka."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from confluent_kafka import Producer
from tools.stack.topics import delete_topics, make_topics

from support_service.demo.events import TOPICS, ShopEvent, event_of
from support_service.demo.facts import ShopFact


@dataclass
class KafkaShop:
    """The topics of one test's shop, called otherwise than the events in them."""

    servers: str
    prefix: str = field(default_factory=lambda: f"test-{secrets.token_hex(4)}.")

    @property
    def topics(self) -> Mapping[str, str]:
        """The type of the events in each."""
        return {self.prefix + type_: type_ for type_ in TOPICS.values()}

    async def open(self, partitions: int = 1) -> None:
        """Make them."""
        await make_topics(self.servers, self.topics, partitions=partitions)

    async def close(self) -> None:
        """Delete them."""
        await delete_topics(self.servers, self.topics)

    async def add(self, facts: Iterable[ShopFact], codec: str = "none", *, padding: str = "") -> None:
        """Tell of these facts, at the time that each happened; with a field that nobody knows, if they are to be large."""
        told = f'"padding":"{padding}","time_known"' if padding else '"time_known"'
        await self.send(
            (
                replace(event, value=event.value.replace(b'"time_known"', told.encode()))
                for fact in facts
                if (event := event_of(fact)) is not None
            ),
            codec,
        )

    async def send(self, events: Iterable[ShopEvent], codec: str = "none") -> None:
        """Send events as they are."""
        producer = Producer({"bootstrap.servers": self.servers, "compression.codec": codec, "linger.ms": 0})
        for event in events:
            producer.produce(
                self.prefix + event.topic,
                event.value,
                event.key,
                timestamp=int(event.occurred_at.timestamp() * 1000),
                headers=[("traceparent", b"00-1")],
            )
            producer.poll(0)
        assert await asyncio.to_thread(producer.flush, 30) == 0
