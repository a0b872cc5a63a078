"""What the topics still hold of a period, read once more."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from support_service.adapters.kafka.events import CALL_S, KafkaEvents
from support_service.ports.events import EventSourceError, Record

_Place = tuple[str, int]
"""A type of events and a partition of its topic."""


class KafkaReplay(KafkaEvents):
    """Fulfils `ports.events.EventSource` for a period: every partition from its first record of then to its last.

    It is no member of a group, and takes nothing from those who are. How far it has come is kept under a group's name of
    its own, so that one that is broken off goes on where it was.
    """

    def __init__(
        self,
        servers: str,
        *,
        topics: Mapping[str, str],
        group: str,
        period: tuple[datetime, datetime | None],
        anew: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Read from these servers, without connecting yet.

        Args:
            servers: host:port of some brokers, comma-separated.
            topics: the type of the events in each topic.
            group: the workers' consumer group; the one of its own is named after it.
            period: by the records' timestamps, from the first to before the second; None: to what is there when it begins.
            anew: from the beginning, however far an earlier one of the same period has come.
            options: librdkafka's properties for signing in and TLS.
        """
        self._since, self._until = period
        own = f"{group}.rebuild.{_named(self._since)}.{_named(self._until)}"
        super().__init__(servers, topics=topics, group=own, options={**(options or {}), "enable.partition.eof": "true"})
        self._anew = anew
        self._firsts: list[TopicPartition] = []
        self._ends: dict[_Place, int] = {}
        self._left = 0

    @property
    def whole(self) -> bool:
        """Whether all of the period has been read."""
        return self._consumer is not None and not self._ends

    async def begin(self) -> int:
        """Find the period in every partition; returns how many offsets are left to read: no fewer than there are records.

        Raises:
            EventSourceError: the broker does not answer, or has not all of the topics.
        """
        await asyncio.to_thread(self._joined)
        return self._left

    def _begin(self, consumer: Consumer) -> None:
        try:
            self._firsts = self._offsets(consumer, self._since)
            starts, ends = self._starts(consumer), self._offsets(consumer, self._until)
        except KafkaException as error:
            consumer.close()
            raise EventSourceError(str(error)) from error
        left = [(start, end) for start, end in zip(starts, ends, strict=True) if start.offset < end.offset]
        self._ends = {(self._types[end.topic], end.partition): end.offset for _, end in left}
        self._left = sum(end.offset - start.offset for start, end in left)
        consumer.assign([start for start, _ in left])

    def _starts(self, consumer: Consumer) -> list[TopicPartition]:
        if self._anew:
            return self._firsts
        reached = consumer.committed([TopicPartition(one.topic, one.partition) for one in self._firsts], CALL_S)
        return [
            TopicPartition(first.topic, first.partition, max(first.offset, there.offset))
            for first, there in zip(self._firsts, reached, strict=True)  # where nothing was kept its offset is negative
        ]

    def _keep(self, consumer: Consumer) -> None:
        """Keep how far it has come; once it is whole its beginning, so that the next one of this period begins there."""
        if self.whole:
            consumer.commit(offsets=self._firsts, asynchronous=False)
        else:
            super()._keep(consumer)

    def _offsets(self, consumer: Consumer, at: datetime | None) -> list[TopicPartition]:
        """The first offset from a time on in every partition, by topic and number; without a time, what follows the last."""
        places = [place for topic in sorted(self._types) for place in _partitions(consumer, topic)]
        if at is not None:
            milliseconds = int(at.timestamp() * 1000)
            asked = [TopicPartition(topic, number, milliseconds) for topic, number in places]
            found = {(one.topic, one.partition): one.offset for one in consumer.offsets_for_times(asked, CALL_S)}
        else:
            found = {}
        return [
            TopicPartition(topic, number, offset if offset >= 0 else _after_the_last(consumer, topic, number))
            for topic, number in places
            for offset in [found.get((topic, number), -1)]
        ]

    def _records(self, messages: Sequence[Message]) -> list[Record]:
        records = []
        for message in messages:  # one by one: that a partition ends must not be heard before what came ahead of it
            for record in super()._records([message]):
                place = record.topic, record.partition
                end = self._ends.get(place)
                if end is not None and record.offset < end:
                    records.append(record)
                if end is not None and record.offset >= end - 1:
                    del self._ends[place]
        return records

    def _refused(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own errors are named so
            self._ends.pop((self._types[str(message.topic())], message.partition() or 0), None)
        else:
            super()._refused(message, error)


def _partitions(consumer: Consumer, topic: str) -> list[_Place]:
    found = consumer.list_topics(topic, CALL_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return [(topic, number) for number in sorted(found.partitions)]


def _after_the_last(consumer: Consumer, topic: str, number: int) -> int:
    _, high = consumer.get_watermark_offsets(TopicPartition(topic, number), CALL_S)
    return int(high)


def _named(at: datetime | None) -> str:
    return "now" if at is None else f"{at:%Y%m%dT%H%M%S%z}"
