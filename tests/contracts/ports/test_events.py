"""What every source of shop events does, whatever carries them."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

import pytest

from support.shop import DAY, Shop, open_shop, placed
from support_service.adapters.embedded.events import EmbeddedEvents
from support_service.demo.events import event_of
from support_service.ports.events import EventSource, EventSourceError, Record


class Connect(Protocol):
    """Starts a process's reader of the shop's events, in a consumer group."""

    def __call__(self, group: str = "support") -> EventSource: ...


def keys(records: list[Record]) -> list[str]:
    return [(record.key or b"").decode() for record in records]


class EventSourceBehaviour:
    """A subclass provides `connect`, whose sources read the events of `shop`."""

    @pytest.fixture
    async def shop(self, empty_database_url: str) -> AsyncIterator[Shop]:
        async with open_shop(empty_database_url) as shop:
            yield shop

    async def place(self, shop: Shop, *order_ids: str) -> None:
        await shop.add(
            placed(order_id, "c1", DAY + timedelta(seconds=number)) for number, order_id in enumerate(order_ids)
        )

    async def test_a_new_group_begins_with_the_oldest_record_and_gets_each_as_it_was_told(
        self, shop: Shop, connect: Connect
    ) -> None:
        await self.place(shop, "o1", "o2")
        records = await connect().poll(max_records=10, timeout_s=2)
        told = event_of(placed("o1", "c1", DAY))
        assert told is not None
        assert keys(records) == ["o1", "o2"]
        assert (records[0].topic, records[0].value) == (told.topic, told.value)
        assert 0 <= DAY.timestamp() - records[0].timestamp < 0.001
        assert records[0].offset < records[1].offset

    async def test_each_poll_goes_on_after_the_one_before_committed_or_not(self, shop: Shop, connect: Connect) -> None:
        await self.place(shop, "o1", "o2", "o3")
        source = connect()
        assert keys(await source.poll(max_records=2, timeout_s=2)) == ["o1", "o2"]
        assert keys(await source.poll(max_records=2, timeout_s=2)) == ["o3"]

    async def test_a_process_that_died_before_its_commit_leaves_the_batch_to_the_next(
        self, shop: Shop, connect: Connect
    ) -> None:
        await self.place(shop, "o1", "o2", "o3")
        first = connect()
        await first.poll(max_records=1, timeout_s=2)
        await first.commit()
        await first.poll(max_records=1, timeout_s=2)
        await first.close()
        second = connect()
        assert keys(await second.poll(max_records=10, timeout_s=2)) == ["o2", "o3"]
        await second.commit()
        await second.close()
        assert await connect().poll(max_records=10, timeout_s=0.1) == []

    async def test_groups_read_by_themselves(self, shop: Shop, connect: Connect) -> None:
        await self.place(shop, "o1")
        first = connect()
        await first.poll(max_records=10, timeout_s=2)
        await first.commit()
        assert keys(await connect("another").poll(max_records=10, timeout_s=2)) == ["o1"]

    async def test_a_poll_waits_for_news_but_not_longer_than_it_may(self, shop: Shop, connect: Connect) -> None:
        source = connect()
        await source.poll(max_records=10, timeout_s=0)
        started = time.perf_counter()
        assert await source.poll(max_records=10, timeout_s=0.3) == []
        assert 0.25 < time.perf_counter() - started < 1
        waiting = asyncio.create_task(source.poll(max_records=10, timeout_s=5))
        await asyncio.sleep(0.1)
        started = time.perf_counter()
        await self.place(shop, "o1")
        assert keys(await waiting) == ["o1"]
        assert time.perf_counter() - started < 0.5

    async def test_committing_nothing_is_allowed(self, shop: Shop, connect: Connect) -> None:
        source = connect()
        await source.commit()
        await source.poll(max_records=10, timeout_s=0)
        await source.commit()
        await self.place(shop, "o1")
        assert keys(await source.poll(max_records=10, timeout_s=2)) == ["o1"]


class TestEmbeddedEvents(EventSourceBehaviour):
    @pytest.fixture
    async def connect(self, shop: Shop) -> AsyncIterator[Connect]:
        opened: list[EmbeddedEvents] = []

        def connect(group: str = "support") -> EventSource:
            opened.append(EmbeddedEvents(shop.events_dsn, group=group))
            return opened[-1]

        yield connect
        for source in opened:
            await source.close()

    async def test_while_the_table_is_away_polling_fails_and_then_goes_on_where_it_was(
        self, shop: Shop, connect: Connect
    ) -> None:
        await self.place(shop, "o1", "o2")
        source = connect()
        assert keys(await source.poll(max_records=1, timeout_s=2)) == ["o1"]
        await shop.execute("ALTER TABLE shop.events RENAME TO away")
        with pytest.raises(EventSourceError):
            await source.poll(max_records=1, timeout_s=2)
        await shop.execute("ALTER TABLE shop.away RENAME TO events")
        assert keys(await source.poll(max_records=1, timeout_s=2)) == ["o2"]

    async def test_a_reader_that_fell_behind_does_not_take_the_groups_offset_back(
        self, shop: Shop, connect: Connect
    ) -> None:
        await self.place(shop, "o1", "o2")
        slow, fast = connect(), connect()
        await slow.poll(max_records=1, timeout_s=2)
        await fast.poll(max_records=2, timeout_s=2)
        await fast.commit()
        await slow.commit()
        assert await connect().poll(max_records=10, timeout_s=0.1) == []
