"""From an event's being produced to a real Kafka to an agent's seeing it: worker, inbox, log, near caches, HTTP."""

import asyncio
from collections.abc import Mapping, Sequence

from bench.bed import service_bed
from bench.broker import SHOP_TOPICS, kafka
from bench.hot import redis
from bench.pair import two_apis
from bench.race import FACTS
from bench.results import Figure
from bench.scale import Scale
from bench.table import Say
from bench.visible import ORDERS, visible
from support_service.demo.events import event_of
from support_service.demo.facts import ShopFact

(PRODUCED,) = NAMES = ("produce_to_visible_ms",)
_PEOPLE = 1


async def measure(names: Sequence[str], scale: Scale, say: Say) -> Mapping[str, Figure]:
    """Measure this figure."""
    orders = [f"seen-{number:03}" for number in range(ORDERS)]
    async with redis() as (url, _pid), kafka() as broker:
        await broker.make(SHOP_TOPICS)
        others = {"KAFKA_SERVERS": broker.servers}
        async with service_bed(orders, people=_PEOPLE, redis_url=url, facts=FACTS, others=others) as bed:
            await asyncio.to_thread(bed.programs["api"].end)
            producer = broker.producer()

            async def tell(fact: ShopFact) -> None:
                event = event_of(fact)
                assert event is not None  # noqa: S101 - an order's version always has one
                producer.produce(event.topic, event.value, event.key)
                producer.poll(0)

            async with two_apis(bed) as apis:
                figure = await visible(
                    bed,
                    apis.addresses,
                    bed.cases,
                    tell,
                    scale=scale,
                    say=say,
                    way="producing it to Kafka, through the worker",
                )
            await asyncio.to_thread(producer.flush, 10)
    return dict.fromkeys(names, figure)
