"""Topics on a Kafka of the stack, for whoever uses one for a while."""

import asyncio
import time
from collections.abc import Collection

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_THERE_WITHIN_S = 20.0
_KEPT = {"retention.ms": "-1"}
"""Events may be of any day, and Kafka would soon forget old ones."""


async def make_topics(servers: str, names: Collection[str], *, partitions: int = 1) -> None:
    """Make topics, and return once they can be read: their making is acknowledged a little before that.

    Raises:
        TimeoutError: one cannot be read within 20 s.
    """
    admin = AdminClient({"bootstrap.servers": servers})  # must live until its futures are done
    new = [NewTopic(name, partitions, 1, config=_KEPT) for name in names]
    for future in admin.create_topics(new, operation_timeout=10).values():
        await asyncio.wrap_future(future)
    places = [TopicPartition(name, number) for name in names for number in range(partitions)]
    await asyncio.to_thread(_until_readable, servers, places)


async def delete_topics(servers: str, names: Collection[str]) -> None:
    """Delete topics."""
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.delete_topics(list(names)).values():
        await asyncio.wrap_future(future)


def _until_readable(servers: str, places: Collection[TopicPartition]) -> None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "support-stack", "log_level": 0})
    deadline = time.monotonic() + _THERE_WITHIN_S
    try:
        for place in places:
            while not _is_readable(consumer, place):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{place} did not come")
                time.sleep(0.05)
    finally:
        consumer.close()


def _is_readable(consumer: Consumer, place: TopicPartition) -> bool:
    try:
        return consumer.get_watermark_offsets(place, timeout=1) is not None
    except KafkaException:
        return False
