"""A real Kafka for the benchmarks: its topics, and everything in one of them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from tools.stack import Stack
from tools.stack.topics import make_topics

from support_service.demo.events import TOPICS, ShopEvent

PARTITIONS = 4
"""Of each topic."""

SHOP_TOPICS = tuple(TOPICS.values())

_KEPT_WITHIN_S = 60.0
_READ_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Published:
    """A message of a topic, to be compared or sent again."""

    partition: int
    offset: int
    key: str
    value: str
    headers: tuple[tuple[str, str], ...]


class Broker:
    """One node of Kafka."""

    def __init__(self, servers: str) -> None:
        """Nothing is asked of it yet."""
        self.servers = servers

    async def make(self, topics: Collection[str]) -> None:
        """Make topics, and return once they can be read."""
        await make_topics(self.servers, topics, partitions=PARTITIONS)

    async def tell(self, events: Sequence[ShopEvent]) -> None:
        """Let the shop's topics hold these events, in this order, keyed by their orders."""
        await asyncio.to_thread(self._tell, events)

    async def read(self, topic: str) -> list[Published]:
        """Everything in a topic, in its order within each partition."""
        return await asyncio.to_thread(self._read, topic)

    def producer(self) -> Producer:
        """Somebody who tells events as a shop does: at once, and sure that they are kept."""
        return Producer({"bootstrap.servers": self.servers, "acks": "all", "enable.idempotence": True, "linger.ms": 0})

    def _tell(self, events: Sequence[ShopEvent]) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self.servers,
                "acks": "all",
                "enable.idempotence": True,
                "queue.buffering.max.messages": len(events) + 1,
            }
        )
        for event in events:
            producer.produce(event.topic, event.value, event.key)  # as of now: what is old Kafka forgets
        if producer.flush(_KEPT_WITHIN_S):
            raise RuntimeError("Kafka did not keep the shop's events in time")

    def _read(self, topic: str) -> list[Published]:
        consumer = Consumer(
            {"bootstrap.servers": self.servers, "group.id": "bench-reader", "enable.auto.commit": False}
        )
        found: list[Published] = []
        try:
            wanted = sum(self._end_of(topic, partition) for partition in range(PARTITIONS))
            consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
            deadline = time.monotonic() + _READ_WITHIN_S
            while len(found) < wanted and time.monotonic() < deadline:
                found += [_published(message) for message in consumer.consume(10_000, 1.0) if message.error() is None]
        finally:
            consumer.close()
        return found

    def _end_of(self, topic: str, partition: int) -> int:
        """The offset after a partition's last message, waiting for its leader."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "bench-reader", "log_level": 0})
        deadline = time.monotonic() + _READ_WITHIN_S
        try:
            while True:
                try:
                    ends = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=1)
                except KafkaException:
                    ends = None
                if ends is not None:
                    return int(ends[1])
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{topic} did not come")
                time.sleep(0.05)
        finally:
            consumer.close()


@contextlib.asynccontextmanager
async def kafka() -> AsyncIterator[Broker]:
    """A running Kafka."""
    with TemporaryDirectory(prefix="support-bench-kafka-") as folder, Stack(Path(folder)) as stack:
        await asyncio.to_thread(stack.up, "kafka")
        yield Broker(stack["kafka"]["bootstrap"])


def _published(message: Message) -> Published:
    headers = cast("list[tuple[str, bytes]] | None", message.headers())
    return Published(
        message.partition() or 0,
        message.offset() or 0,
        (message.key() or b"").decode(),
        (message.value() or b"").decode(),
        tuple((name, value.decode()) for name, value in headers or ()),
    )
