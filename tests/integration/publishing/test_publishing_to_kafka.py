"""What happens to cases is on Kafka: whole, in the order of each case, also when Kafka was away."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import pytest
from confluent_kafka import Consumer, Message
from tools.stack.topics import delete_topics, make_topics

from support_service.adapters.kafka import KafkaPublisher
from support_service.kit.database import Database
from support_service.kit.eventlog import Follower, LoggedEvent, Relay, append
from support_service.kit.privacy import DataClass
from support_service.ports.publisher import OutgoingEvent, PublisherError
from support_service.publishing import Publishing

if TYPE_CHECKING:
    from tools.stack import Proxies, Running


class Happened(LoggedEvent):
    type_: ClassVar[str] = "support.test.happened"
    number: Annotated[int, DataClass.NONE]


@pytest.fixture
async def topic(kafka: "Running") -> AsyncIterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    await make_topics(kafka["bootstrap"], [name], partitions=4)
    yield name
    await delete_topics(kafka["bootstrap"], [name])


async def log(database: Database, subject: str, *numbers: int) -> None:
    for number in numbers:
        async with database.transaction() as tx:
            await append(tx, Happened(number=number), subject=subject, sequence=number)
    while await Relay(database).step():
        pass


def read(servers: str, topic: str, count: int) -> list[Message]:
    """The first records of a topic, in their order within each partition."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    messages: list[Message] = []
    try:
        for _ in range(60):
            messages += consumer.consume(1_000, 0.5)
            if len(messages) >= count:
                break
    finally:
        consumer.close()
    return messages


def attributes(message: Message) -> dict[str, str]:
    headers = cast("list[tuple[str, bytes]]", message.headers())
    return {name: value.decode() for name, value in headers}


def numbers(messages: list[Message], subject: str) -> list[int]:
    return [json.loads(message.value() or b"")["number"] for message in messages if message.key() == subject.encode()]


async def test_each_row_is_a_cloudevent_in_the_order_of_its_subject(
    database: Database, kafka: "Running", topic: str
) -> None:
    publisher = KafkaPublisher(kafka["bootstrap"], topic=topic)
    follower = Follower(database, "kafka", Publishing(publisher).follow)
    for first in (1, 4):
        for subject in ("a", "b", "c"):
            await log(database, subject, *range(first, first + 3))
    while await follower.step():
        pass
    await publisher.close()
    messages = read(kafka["bootstrap"], topic, 18)
    assert len(messages) == 18
    for subject in ("a", "b", "c"):
        assert numbers(messages, subject) == [1, 2, 3, 4, 5, 6]
    told: dict[str, Any] = attributes(messages[0])
    assert told["content-type"] == "application/json"
    assert {name: told[f"ce_{name}"] for name in ("specversion", "source", "type")} == {
        "specversion": "1.0",
        "source": "/support-service",
        "type": "support.test.happened",
    }
    assert sorted(int(attributes(message)["ce_position"]) for message in messages) == list(range(1, 19))
    assert len({attributes(message)["ce_id"] for message in messages}) == 18


async def test_a_topic_may_be_named_by_type(database: Database, kafka: "Running", topic: str) -> None:
    by_type = f"{topic}.{Happened.type_}"
    await make_topics(kafka["bootstrap"], [by_type])
    publisher = KafkaPublisher(kafka["bootstrap"], topic=f"{topic}.{{type}}")
    await log(database, "a", 1)
    await Follower(database, "kafka", Publishing(publisher).follow).step()
    await publisher.close()
    assert numbers(read(kafka["bootstrap"], by_type, 1), "a") == [1]
    await delete_topics(kafka["bootstrap"], [by_type])


async def test_an_event_alone_does_not_wait_for_others_to_be_sent_with(kafka: "Running", topic: str) -> None:
    publisher = KafkaPublisher(kafka["bootstrap"], topic=topic)
    took = []
    for _ in range(5):
        began = time.monotonic()
        await publisher.publish([OutgoingEvent("any", "a", "{}", [])])
        took.append(time.monotonic() - began)
    await publisher.close()
    assert min(took) < 0.08  # the producer lingers for 0.1 s, unless it is flushed


async def test_without_its_topic_nothing_is_lost_as_the_batch_stays_to_be_published(
    database: Database, kafka: "Running"
) -> None:
    publisher = KafkaPublisher(kafka["bootstrap"], topic="{type}")
    await log(database, "a", 1)
    with pytest.raises(PublisherError):
        await Follower(database, "kafka", Publishing(publisher).follow).step()


@pytest.mark.timeout(90, func_only=True)
async def test_while_kafka_is_away_nothing_is_lost_and_no_order_turned_round(
    database: Database, kafka: "Running", topic: str, proxies: "Proxies", alone: None
) -> None:
    publisher = KafkaPublisher(kafka["proxied"], topic=topic)
    follower = Follower(database, "kafka", Publishing(publisher).follow)
    await log(database, "a", 1)
    await follower.step()
    with proxies["kafka"].cut():
        await log(database, "a", 2, 3)
        with pytest.raises(PublisherError):
            await follower.step()
    await log(database, "a", 4)
    async with asyncio.timeout(40):
        while True:
            try:
                if not await follower.step():
                    break
            except PublisherError:
                continue
    await publisher.close()
    seen = numbers(read(kafka["bootstrap"], topic, 4), "a")
    assert list(dict.fromkeys(seen)) == [1, 2, 3, 4]
