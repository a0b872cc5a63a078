"""The whole service on a real Kafka, and its tables rebuilt from what the topics still hold."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.api import CASES, count, rows
from support.command import run_command
from support.kafka import KafkaShop
from support.postgres import DatabaseDsns
from support.service import RunningService, eventually, running_service
from support.shop import DAY, every_fact
from support_service import wiring
from support_service.demo.events import events_of
from support_service.entrypoints import rebuild
from support_service.ports.events import EventSourceError

if TYPE_CHECKING:
    from tools.stack import Running

ORDERS = 40
LATER = 20
"""The orders from this one on happened a day later."""

NEXT_DAY = (DAY + timedelta(hours=20)).replace(microsecond=0)
INBOX = "support_timeline_events"
CONTEXT = "support_case_context"


@pytest.fixture
async def topics(kafka: "Running") -> AsyncIterator[KafkaShop]:
    shop = KafkaShop(kafka["bootstrap"])
    await shop.open(partitions=2)
    yield shop
    await shop.close()


@pytest.fixture
async def service(
    topics: KafkaShop, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A running service whose shop tells its events by Kafka, and nothing else."""
    kafka: dict[str, Any] = {
        "kafka_servers": topics.servers,
        "kafka_topics": {type_: topic for topic, type_ in topics.topics.items()},
        "kafka_group": topics.prefix,
    }
    async with running_service(database_dsns, empty_database_url, tmp_path, **kafka) as running:
        yield running


async def tell_of_everything(topics: KafkaShop) -> int:
    """Orders in all their states, half of them a day later, and one event that nobody can read; returns how many."""
    facts = [
        replace(fact, occurred_at=fact.occurred_at + timedelta(days=int(number >= LATER)))
        for number in range(ORDERS)
        for fact in every_fact(f"o-{number}", f"c-{number}")
    ]
    events = list(events_of(facts))
    poison = replace(events[0], event_id="poison", value=b"{")
    await topics.send([*events[:50], poison, *events[50:]])
    return len(events) + 1


async def taken_in(service: RunningService, events: int) -> None:
    async def all_there() -> bool:
        return await count(service, INBOX) == events

    await eventually(all_there, within_s=30)


State = tuple[list[Any], list[Any]]


async def state(service: RunningService) -> State:
    """What came by event, but for when, and the facts of every context."""
    inbox = [
        {name: value for name, value in row.items() if name != "received_at"}
        for row in await rows(service, f"SELECT * FROM {INBOX} ORDER BY order_id, source, entity_id, version")
    ]
    contexts = [
        (row["ticket_id"], row["source"], row["facts"])
        for row in await rows(service, f"SELECT * FROM {CONTEXT} ORDER BY ticket_id, source")
    ]
    return inbox, contexts


async def at_rest(service: RunningService, ticket_id: str) -> State | None:
    """What is kept, once it stays as it is: contexts go on coming when the first of the case's are there."""
    kept = await state(service)
    await asyncio.sleep(0.5)
    there = len(await contexts_of(service, ticket_id)) >= 4
    return kept if there and await state(service) == kept else None


async def break_off(service: RunningService, records: int) -> int:
    """Begin to rebuild the later day, and die after so many records; returns how many were taken in."""
    services = wiring.Services(service.worker.settings, name="test-rebuild")
    replay = wiring.replay(services.settings, NEXT_DAY, None, anew=False)
    taken = 0

    def die_at(batch: int) -> None:
        nonlocal taken
        taken += batch
        if taken >= records:
            raise KeyboardInterrupt

    try:
        await replay.begin()
        with pytest.raises(KeyboardInterrupt):
            await rebuild.take_in(services, replay, die_at)
    finally:
        await replay.close()
        await services.close()
    return taken


@pytest.mark.timeout(120)
async def test_what_the_shop_says_by_kafka_is_in_the_next_read_and_what_it_said_can_be_taken_in_again(
    service: RunningService, topics: KafkaShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = service.person("AGENT", teams=("orders",))
    about_an_order = await agent.open_case(customer_id="c-1", order_id="o-1")
    about_none = await agent.open_case(customer_id=f"c-{LATER}")
    events = await tell_of_everything(topics) - 1
    await taken_in(service, events)
    shown = await agent.timeline(about_an_order["ticket_id"])
    told = {event.event_id for event in events_of(every_fact("o-1", "c-1"))}
    assert len(shown["entries"]) == len(told)
    assert await count(service, "dead_letters") == 1

    before: State = await eventually(partial(at_rest, service, about_none["ticket_id"]))
    in_period = await lose_next_day(service)

    monkeypatch.setattr(rebuild, "_BATCH", 20)
    first = await break_off(service, 60)
    assert 60 <= first < in_period
    assert await count(service, INBOX) == events - in_period + first
    since = f"{NEXT_DAY:%Y-%m-%dT%H:%M:%S}"
    done = await asyncio.to_thread(run_command, service, "rebuild", "--from", since)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{in_period - first} records taken in" in done.stdout
    assert "2 cases" in done.stdout

    async def as_before() -> bool:
        return await state(service) == before

    await eventually(as_before)
    assert await count(service, "dead_letters") == 1
    again = await asyncio.to_thread(run_command, service, "rebuild", "--from", since)
    assert f"{in_period} records taken in" in again.stdout  # whole, it begins at its beginning
    assert await state(service) == before


async def lose_next_day(service: RunningService) -> int:
    """Lose what the shop said that day, and all contexts; returns how many events that were."""
    lost = await count(service, f"{INBOX} WHERE occurred_at >= $1", NEXT_DAY)
    async with service.worker.database.transaction() as tx:
        await tx.execute(f"DELETE FROM {INBOX} WHERE occurred_at >= $1", NEXT_DAY)
        await tx.execute(f"DELETE FROM {CONTEXT}")
    return lost


async def contexts_of(service: RunningService, ticket_id: str) -> list[Any]:
    """The contexts of a case that hold facts."""
    found = await rows(service, f"SELECT * FROM {CONTEXT} WHERE ticket_id = $1", ticket_id)
    return [row for row in found if row["facts"]]


async def test_without_kafka_or_without_a_topic_it_says_what_is_missing(
    service: RunningService, topics: KafkaShop
) -> None:
    settings = service.worker.settings
    with pytest.raises(wiring.NotConfigured, match="KAFKA_SERVERS"):
        wiring.replay(settings.model_copy(update={"kafka_servers": None}), DAY, None, anew=False)
    renamed = settings.model_copy(update={"kafka_topics": {"fraud.alert": f"{topics.prefix}nowhere"}})
    replay = wiring.replay(renamed, DAY, None, anew=False)
    with pytest.raises(EventSourceError):
        await replay.begin()
    await replay.close()
    assert (await service.person("AGENT", teams=("orders",)).ask("GET", CASES)).status == 200
