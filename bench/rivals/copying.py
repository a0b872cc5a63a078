"""A bare consumer that copies the shop's events into a table: `python -m bench.rivals.copying PLAN RESULT`.

Two kinds: `typed` decodes each message into typed columns with a primary key, `raw` copies bodies as they are. It has the client,
the batches, the group's options and the commit of offsets of our own intake, and no effect, no inbox and no second look.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import asyncpg
import uvloop
from confluent_kafka import Consumer, Message
from pydantic_core import from_json, to_json

from bench.piped import TakingPart
from support_service.kit.garbage import spare_the_collector

_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Target:
    """A table, and what a message becomes in it."""

    table: str
    columns: Sequence[str]
    definition: str
    row: Callable[[Message], tuple[object, ...]]


def _typed(message: Message) -> tuple[object, ...]:
    told = from_json(message.value() or b"", cache_strings="keys")  # no two values are alike
    return (
        told["event_id"],
        told["type"],
        told["version"],
        datetime.fromisoformat(told["time"]),
        told["order_id"],
        told.get("customer_id"),
        to_json(told["data"]).decode(),
    )


def _raw(message: Message) -> tuple[object, ...]:
    return (message.value(),)


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "typed": Target(
            "rival_events",
            ("event_id", "type", "version", "time", "order_id", "customer_id", "data"),
            "event_id text PRIMARY KEY, type text NOT NULL, version bigint NOT NULL, time timestamptz NOT NULL, "
            "order_id text NOT NULL, customer_id text, data jsonb NOT NULL",
            _typed,
        ),
        "raw": Target("rival_bodies", ("body",), "body bytea NOT NULL", _raw),
    }
)


async def _run() -> None:
    part = TakingPart()
    plan, target = part.plan, TARGETS[part.plan["kind"]]
    connection = await asyncpg.connect(plan["database"])
    spare_the_collector()
    await part.told()
    consumer = Consumer(plan["options"])  # not before: it fetches ahead
    consumer.subscribe(plan["topics"])
    left, first_at, batches_ms = plan["count"], 0.0, []
    while left > 0:
        messages = consumer.consume(plan["batch"], _WAIT_S)  # nothing else is to be done meanwhile
        began = time.monotonic()
        rows = [target.row(message) for message in messages if message.error() is None]
        if not rows:
            continue
        first_at = first_at or began
        await connection.copy_records_to_table(target.table, columns=target.columns, records=rows)
        consumer.commit(asynchronous=False)
        batches_ms.append((time.monotonic() - began) * 1000)
        left -= len(rows)
    await part.done({"batches_ms": batches_ms, "seconds": time.monotonic() - first_at})
    await connection.close()
    consumer.close()


if __name__ == "__main__":
    uvloop.run(_run())
