"""Shop events from a real Kafka: what every source of events does, and what is its own."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from contracts.ports.test_events import Connect, EventSourceBehaviour, keys
from support.kafka import KafkaShop
from support.shop import DAY, placed
from support_service.adapters.kafka import KafkaEvents, KafkaPublisher, KafkaReplay
from support_service.ports.events import EventSource, EventSourceError
from support_service.ports.publisher import OutgoingEvent

if TYPE_CHECKING:
    from tools.stack import Proxies, Running


async def until_it_fails(source: EventSource) -> None:
    """Poll until that raises, for 20 s at most."""
    async with asyncio.timeout(20):
        while True:
            await source.poll(max_records=10, timeout_s=0.5)


class TestKafkaEvents(EventSourceBehaviour):
    @pytest.fixture
    async def shop(self, kafka: "Running") -> AsyncIterator[KafkaShop]:  # it tells events, and has no tables
        shop = KafkaShop(kafka["bootstrap"])
        await shop.open()
        yield shop
        await shop.close()

    @pytest.fixture
    def servers(self, kafka: "Running") -> str:
        return kafka["bootstrap"]

    @pytest.fixture
    async def connect(self, shop: KafkaShop, servers: str) -> AsyncIterator[Connect]:
        opened: list[KafkaEvents] = []

        def connect(group: str = "support") -> EventSource:
            opened.append(KafkaEvents(servers, topics=shop.topics, group=shop.prefix + group))
            return opened[-1]

        yield connect
        for source in opened:
            await source.close()

    @pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
    async def test_every_codec_is_read(self, shop: KafkaShop, connect: Connect, codec: str) -> None:
        await shop.add([placed(f"o{n}", "c1", DAY) for n in range(20)], codec)
        records = await connect().poll(max_records=100, timeout_s=10)
        assert keys(records) == [f"o{n}" for n in range(20)]
        assert records[0].headers == (("traceparent", b"00-1"),)

    async def test_what_was_fetched_ahead_is_taken_without_waiting_in_a_thread(
        self, shop: KafkaShop, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await shop.add([placed(order_id, "c1", DAY) for order_id in ("o1", "o2", "o3")])
        source = connect()
        assert keys(await source.poll(max_records=1, timeout_s=10)) == ["o1"]
        threads = Mock(side_effect=AssertionError("a thread"))
        monkeypatch.setattr(asyncio, "to_thread", threads)
        assert keys(await source.poll(max_records=2, timeout_s=10)) == ["o2", "o3"]
        with pytest.raises(AssertionError, match="a thread"):
            await source.poll(max_records=1, timeout_s=0.1)

    async def test_two_members_of_a_group_share_the_records_and_one_that_leaves_hands_its_share_over(
        self, kafka: "Running"
    ) -> None:
        shop = KafkaShop(kafka["bootstrap"])
        await shop.open(partitions=4)
        members = [KafkaEvents(shop.servers, topics=shop.topics, group=shop.prefix) for _ in range(2)]
        try:
            told, seen = await self._until_both_share(shop, members)
            assert set().union(*seen) >= told
            await members[0].close()
            await self._tell(shop, "last", members[1:], seen[1:])
            async with asyncio.timeout(30):
                while not set(seen[1]) >= {f"last-{n}" for n in range(40)}:
                    seen[1].extend(keys(await members[1].poll(max_records=100, timeout_s=0.2)))
        finally:
            await members[1].close()
            await shop.close()

    async def _until_both_share(
        self, shop: KafkaShop, members: list[KafkaEvents]
    ) -> tuple[set[str], tuple[list[str], list[str]]]:
        """Tell of orders, and of more, until both members have got some and all have come."""
        told: set[str] = set()
        seen: tuple[list[str], list[str]] = ([], [])
        async with asyncio.timeout(40):
            while not all(seen) or not set().union(*seen) >= told:
                told |= await self._tell(shop, f"round-{len(told)}", members, seen)
                for got, one in zip(seen, members, strict=True):
                    got.extend(keys(await one.poll(max_records=100, timeout_s=0.5)))
                    await one.commit()
        return told, seen

    async def _tell(
        self, shop: KafkaShop, name: str, members: list[KafkaEvents], seen: Iterable[list[str]]
    ) -> set[str]:
        """Tell of 40 orders, and take what has come by then."""
        order_ids = [f"{name}-{n}" for n in range(40)]
        await shop.add(placed(order_id, "c1", DAY + timedelta(seconds=n)) for n, order_id in enumerate(order_ids))
        for got, one in zip(seen, members, strict=True):
            got.extend(keys(await one.poll(max_records=100, timeout_s=0.2)))
        return set(order_ids)


class TestBehindAProxy:
    """Cut off from its broker."""

    async def test_polling_fails_while_the_broker_cannot_be_reached_and_then_goes_on_where_it_was(
        self, kafka: "Running", proxies: "Proxies", alone: None
    ) -> None:
        shop = KafkaShop(kafka["bootstrap"])
        await shop.open()
        source = KafkaEvents(kafka["proxied"], topics=shop.topics, group=shop.prefix)
        try:
            await shop.add([placed("o1", "c1", DAY)])
            assert keys(await source.poll(max_records=1, timeout_s=10)) == ["o1"]
            await source.commit()
            with proxies["kafka"].cut():
                await shop.add([placed("o2", "c1", DAY)])
                with pytest.raises(EventSourceError):
                    await until_it_fails(source)
            async with asyncio.timeout(20):
                while not (records := await source.poll(max_records=10, timeout_s=1)):
                    pass
            assert keys(records) == ["o2"]
        finally:
            await source.close()
            await shop.close()


class TestWhoHasToSignIn:
    """TLS and SASL, by librdkafka's properties as the settings take them."""

    def options(self, kafka: "Running", **others: str) -> Mapping[str, str]:
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "PLAIN",
            "sasl.username": kafka["user"],
            "sasl.password": kafka["password"],
            "ssl.ca.location": kafka["ca_file"],
        } | {name.replace("_", "."): value for name, value in others.items()}

    async def test_who_signs_in_reads_and_publishes(self, kafka: "Running") -> None:
        shop = KafkaShop(kafka["bootstrap"])
        await shop.open()
        [topic, *_] = shop.topics
        publisher = KafkaPublisher(kafka["secured"], topic=topic, options=self.options(kafka))
        source = KafkaEvents(kafka["secured"], topics=shop.topics, group=shop.prefix, options=self.options(kafka))
        try:
            await publisher.publish([OutgoingEvent("any", "o1", "{}", [])])
            assert keys(await source.poll(max_records=10, timeout_s=15)) == ["o1"]
            await source.commit()
        finally:
            await source.close()
            await publisher.close()
            await shop.close()

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"sasl_password": "guessed"}, "uthentication"),
            ({"ssl_ca_location": ""}, "certificate verify failed|broker certificate could not be verified|SSL"),
        ],
    )
    async def test_who_may_not_or_does_not_trust_the_broker_is_told_so(
        self, kafka: "Running", wrong: Mapping[str, str], said: str
    ) -> None:
        source = KafkaEvents(
            kafka["secured"], topics={"any": "any"}, group="stranger", options=self.options(kafka, **wrong)
        )
        try:
            with pytest.raises(EventSourceError, match=said):
                await until_it_fails(source)
        finally:
            await source.close()


async def test_a_partition_whose_end_was_fetched_along_with_its_records_is_replayed_whole(kafka: "Running") -> None:
    shop = KafkaShop(kafka["bootstrap"])
    await shop.open()
    await shop.add([placed(f"o{n}", "c1", DAY) for n in range(5)])
    replay = KafkaReplay(shop.servers, topics=shop.topics, group=shop.prefix, period=(DAY - timedelta(days=1), None))
    try:
        assert await replay.begin() == 5
        await asyncio.sleep(2)  # so that all of it waits, and its end
        assert keys(await replay.poll(max_records=100, timeout_s=5)) == [f"o{n}" for n in range(5)]
        assert replay.whole
    finally:
        await replay.close()
        await shop.close()
