"""Sending events to Kafka: idempotent, acknowledged by all replicas in sync, in the order of their keys."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from prometheus_client import Histogram

from support_service.ports.publisher import OutgoingEvent, PublisherError

_DELIVERED_WITHIN_S = 10.0
_TYPE = "{type}"
_BY_KEY, _NOW = -1, 0
"""What librdkafka takes for a partition that the key decides, and for the time of sending."""

PUBLISH_SECONDS = Histogram(
    "support_publish_seconds",
    "Time until a batch of events was kept by Kafka, or was given up.",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class KafkaPublisher:
    """Fulfils `ports.publisher.Publisher`. Belongs to one event loop; one batch at a time."""

    def __init__(self, servers: str, *, topic: str, options: Mapping[str, str] | None = None) -> None:
        """Send to these servers, without connecting yet.

        Args:
            servers: host:port of some brokers, comma-separated.
            topic: of all events; `{type}` in it stands for an event's type, and then order is kept within a type only.
            options: librdkafka's properties for signing in and TLS.
        """
        self._topic = topic
        # Ours come last: that nothing is lost, doubled or turned round rests on them.
        self._options: dict[str, object] = {
            "compression.codec": "lz4",
            **(options or {}),
            "bootstrap.servers": servers,
            "client.id": "support-service",
            "enable.idempotence": True,
            "acks": "all",
            # Longer than it takes to hand over a batch, which is then sent at once, as flushing does not linger: sent
            # while it is handed over it would leave in small requests, each of which both threads wake for.
            "linger.ms": 100,
            "delivery.report.only.error": True,
            "delivery.timeout.ms": int(_DELIVERED_WITHIN_S * 1000),
        }
        self._producer: Producer | None = None

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Send a batch; the producer is made anew after one that failed, so that nothing of it comes late."""
        started, outcome = time.perf_counter(), "failed"
        try:
            await asyncio.to_thread(self._send, events)
            outcome = "ok"
        except PublisherError:
            self._producer = None
            raise
        finally:
            PUBLISH_SECONDS.labels(outcome).observe(time.perf_counter() - started)

    async def close(self) -> None:
        """Close every connection; everything published was sent before."""
        self._producer = None

    def _send(self, events: Sequence[OutgoingEvent]) -> None:
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(error)

        try:
            producer = self._producer = self._producer or Producer(self._options)
            send: Callable[..., None] = producer.produce
            for type_, key, value, headers in events:
                # By place: to look up what arguments are named costs a sixth of the call.
                send(self._topic.replace(_TYPE, type_), value, key, _BY_KEY, delivered, None, _NOW, headers)
            left = producer.flush(_DELIVERED_WITHIN_S + 1)
        except (KafkaException, BufferError) as error:
            raise PublisherError(str(error)) from error
        if failed or left:
            producer.purge()
            raise PublisherError(failed[0].str() if failed else f"{left} events were not kept in time")
