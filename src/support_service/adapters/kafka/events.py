"""Shop events from Kafka.

The client (librdkafka) runs threads of its own, which fetch ahead: what is there is taken at once, and a call that may wait
is made in a thread, so that the event loop goes on.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from prometheus_client import Gauge

from support_service.ports.events import EventSourceError, Record

CALL_S = 10.0
"""How long one call to the broker may take."""

FETCHED_AHEAD_KB = 16_384
"""What waits in this process, whatever waits in Kafka: some thousands of events, more than one takes in meanwhile."""

_Answer = TypeVar("_Answer")

LAG = Gauge(
    "support_shop_events_lag", "Records that wait in the partitions of a topic that this process reads.", ["topic"]
)


class KafkaEvents:
    """Fulfils `ports.events.EventSource` for the topics it is given, as a member of a consumer group."""

    def __init__(
        self,
        servers: str,
        *,
        topics: Mapping[str, str],
        group: str,
        instance: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Read from these servers, without connecting yet.

        Args:
            servers: host:port of some brokers, comma-separated.
            topics: the type of the events in each topic; records are told under it, whatever the topic is called.
            group: the consumer group.
            instance: this process's own name in the group, the same after a restart; its partitions then wait for it
                for 45 s instead of going to others at once.
            options: librdkafka's properties for signing in and TLS.
        """
        self._types = dict(topics)
        # Ours come last: at-least-once rests on them.
        self._options: dict[str, object] = {
            "queued.max.messages.kbytes": FETCHED_AHEAD_KB,
            **(options or {}),
            "bootstrap.servers": servers,
            "group.id": group,
            **({"group.instance.id": instance} if instance else {}),
            "client.id": "support-service",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "allow.auto.create.topics": False,
            "statistics.interval.ms": 5_000,
            "error_cb": self._heard,
            "stats_cb": self._measured,
        }
        self._consumer: Consumer | None = None
        self._error: KafkaError | None = None

    async def poll(self, *, max_records: int, timeout_s: float) -> list[Record]:
        """The next records; empty when there was none for `timeout_s` seconds."""
        # A thread for what is there already would cost as much as taking it, and the processor's caches.
        messages = [] if self._consumer is None else self._fetched(max_records, 0)
        messages = messages or await asyncio.to_thread(self._fetched, max_records, timeout_s)
        records = self._records(messages)
        error, self._error = self._error, None
        if error is not None and not records:
            raise EventSourceError(error.str())
        return records

    async def commit(self) -> None:
        """Keep the offset of everything polled so far."""
        if self._consumer is None:
            return
        try:
            async with asyncio.timeout(CALL_S):
                await asyncio.to_thread(self._keep, self._consumer)
        except TimeoutError as error:
            raise EventSourceError(f"offsets were not kept within {CALL_S:.0f} s") from error
        except KafkaException as error:
            if error.args[0].code() != KafkaError._NO_OFFSET:  # noqa: SLF001 - librdkafka's own errors are named so
                raise EventSourceError(str(error)) from error

    async def close(self) -> None:
        """Leave the group, unless this process's place in it is kept for it."""
        if self._consumer is not None:
            await asyncio.to_thread(self._consumer.close)

    def _fetched(self, max_records: int, timeout_s: float) -> list[Message]:
        consumer = self._joined()
        first = _tried(lambda: consumer.poll(timeout_s))
        if first is None:
            return []
        messages = [first]
        # What has been fetched comes along; waiting for more would hold up what is there. When that fails the first is
        # handed on all the same, as the next commit covers it; the next poll meets the failure.
        if max_records > 1:
            with contextlib.suppress(EventSourceError):
                messages += _tried(lambda: consumer.consume(max_records - 1, 0))
        return messages

    def _records(self, messages: Sequence[Message]) -> list[Record]:
        records, new = [], tuple.__new__
        for message in messages:
            error = message.error()
            if error is not None:
                self._refused(message, error)
                continue
            headers = message.headers()
            _, milliseconds = message.timestamp()
            row = (
                self._types[str(message.topic())],
                message.partition() or 0,
                message.offset() or 0,
                message.key(),
                message.value() or b"",
                _told(headers) if headers else (),
                milliseconds / 1000 if milliseconds > 0 else 0.0,
            )
            records.append(new(Record, row))  # what Record(...) makes, without its call in Python
        return records

    def _refused(self, _message: Message, error: KafkaError) -> None:
        self._heard(error)

    def _joined(self) -> Consumer:
        if self._consumer is None:
            try:
                consumer = Consumer(self._options)
            except KafkaException as error:
                raise EventSourceError(str(error)) from error
            self._begin(consumer)
            self._consumer = consumer
        return self._consumer

    def _begin(self, consumer: Consumer) -> None:
        consumer.subscribe(list(self._types))

    def _keep(self, consumer: Consumer) -> None:
        consumer.commit(asynchronous=False)

    def _heard(self, error: KafkaError) -> None:
        """Remember what the next poll is to say; a lost connection alone is made anew by the client.

        That no broker is left is said when nothing else is known: why each was lost was told before.
        """
        if error.code() == KafkaError._TRANSPORT:  # noqa: SLF001 - see above
            return
        if self._error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._error = error

    def _measured(self, statistics: str) -> None:
        for name, topic in json.loads(statistics)["topics"].items():
            lags = [part["consumer_lag"] for part in topic["partitions"].values() if part["consumer_lag"] >= 0]
            if name in self._types:
                LAG.labels(name).set(sum(lags))


def _told(headers: object) -> tuple[tuple[str, bytes], ...]:
    # The client's types allow for what only senders may give: a mapping, and text.
    return tuple((name, value or b"") for name, value in cast("list[tuple[str, bytes | None]]", headers))


def _tried(call: Callable[[], _Answer]) -> _Answer:
    try:
        return call()
    except (KafkaException, RuntimeError) as error:  # a consumer that was closed says RuntimeError
        raise EventSourceError(str(error)) from error
