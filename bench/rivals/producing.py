"""A bare producer that sends a list: `python -m bench.rivals.producing PLAN RESULT`.

It has the client and the promises of our own publisher (acks=all, idempotent, lz4, 100 ms of lingering), and never waits before it
sends on, as whoever has a list at hand can: its requests are as large as can be.
"""

import asyncio
import json
import time
from pathlib import Path

from confluent_kafka import Producer

from bench.piped import TakingPart
from support_service.kit.garbage import spare_the_collector

_KEPT_WITHIN_S = 60.0
_SERVE_EVERY = 1_000


async def _run() -> None:
    part = TakingPart()
    topic = part.plan["topic"]
    events = _listed(Path(part.plan["events"]))
    spare_the_collector()
    await part.told()
    began = time.monotonic()
    producer = Producer(
        {
            "bootstrap.servers": part.plan["servers"],
            "acks": "all",
            "enable.idempotence": True,
            "compression.codec": "lz4",
            "linger.ms": 100,
            "queue.buffering.max.messages": len(events) + 1,
        }
    )
    for number, (key, value, headers) in enumerate(events):
        producer.produce(topic, value, key, headers=headers)
        if number % _SERVE_EVERY == 0:
            producer.poll(0)
    left = producer.flush(_KEPT_WITHIN_S)
    await part.done({"seconds": time.monotonic() - began, "left": left})


def _listed(file: Path) -> list[tuple[bytes, bytes, list[tuple[str, str | bytes | None]]]]:
    return [
        (key.encode(), value.encode(), [(name, told.encode()) for name, told in headers])
        for key, value, headers in json.loads(file.read_text("utf-8"))
    ]


if __name__ == "__main__":
    asyncio.run(_run())
