"""Two consumers of different partitions over the same orders and customers: none locks the other out, and nothing is lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.intake import Watched, settings_of, worker_services
from support.kafka import KafkaShop
from support.postgres import DatabaseDsns
from support.shop import DAY, placed
from support_service import wiring
from support_service.adapters.kafka import KafkaEvents
from support_service.demo.facts import ShopFact, Value
from support_service.entrypoints.worker import take_in
from support_service.ports.events import Record

ORDER, PAYMENT = "order.status.changed", "payment.authorized"
FEW, MANY = 6, 40
PARTITIONS = 4
HELD = {
    "orders": "SELECT FROM order_subjects WHERE order_id = 'o-3' FOR UPDATE",
    "customers": "SELECT FROM support_customers WHERE customer_id = 'c-3' FOR UPDATE",
}
LEARNT = "INSERT INTO order_subjects SELECT 'o-' || n, 'c-' || n, $1, now() FROM generate_series(0, 5) AS n"


def paid(order_id: str, customer_id: str, payment_id: str) -> ShopFact:
    """A payment that was authorized."""
    details: dict[str, Value] = {"method": "card", "installments": 1, "amount_minor": 100, "currency": "VND"}
    return ShopFact("payment", payment_id, order_id, customer_id, 1, "authorized", DAY, True, details)


async def all_of(services: wiring.Services, count: int) -> list[Record]:
    """The next so many records, as one batch."""
    assert services.events is not None
    records: list[Record] = []
    async with asyncio.timeout(20):
        while len(records) < count:
            records += await services.events.poll(max_records=count, timeout_s=0.5)
    return records


@pytest.mark.parametrize("shop", [PARTITIONS], indirect=True)
@pytest.mark.parametrize(("held", "origin"), [("orders", "claimed"), ("customers", "learnt")])
async def test_two_batches_over_the_same_rows_in_opposite_orders_wait_for_each_other_and_never_in_turn(
    database_dsns: DatabaseDsns, watched: Watched, shop: KafkaShop, tmp_path: Path, held: str, origin: str
) -> None:
    """A row in the middle is held until both wait: who locked in the order of what came would hold what the other wants next.

    One tells of orders, the other of their payments, whose ids run the other way.
    """
    await watched.record_customers(FEW)
    await watched.execute(LEARNT, origin)
    await shop.add(placed(f"o-{n}", f"c-{n}", DAY) for n in range(FEW))
    await shop.add(paid(f"o-{n}", f"c-{n}", f"p-{9 - n}") for n in reversed(range(FEW)))
    settings = settings_of(database_dsns, shop, tmp_path)
    async with worker_services(settings) as one, worker_services(settings) as other:
        batches = []
        for services, type_ in ((one, ORDER), (other, PAYMENT)):
            services.events = KafkaEvents(shop.servers, topics={shop.prefix + type_: type_}, group=shop.prefix)
            batches.append(await all_of(services, FEW))
        async with watched.holding(HELD[held]):
            taking = [
                asyncio.create_task(services.context.ingest(batch))
                for services, batch in zip((one, other), batches, strict=True)
            ]
            await watched.until_waiting(2)
        await asyncio.gather(*taking)  # a deadlock would be raised here
    assert await watched.count("SELECT sum(generation) FROM support_customers") == 2 * FEW
    assert await watched.deadlocks() == 0


def lives(customers: int) -> Iterator[ShopFact]:
    """Five states each of five orders of each customer, and a payment of each order, in no order."""
    facts = []
    for n in range(5 * customers):
        order = placed(f"o-{n}", f"c-{n % customers}", DAY)
        facts += [replace(order, version=version, occurred_at=DAY + timedelta(days=version)) for version in range(1, 6)]
        facts.append(paid(f"o-{n}", f"c-{n % customers}", f"p-{n * 7919 % 1000}"))
    random.Random(11).shuffle(facts)
    return iter(facts)


@pytest.mark.parametrize("shop", [PARTITIONS], indirect=True)
async def test_two_workers_of_one_group_take_in_everything_once_and_count_each_customers_generation_without_a_gap(
    database_dsns: DatabaseDsns, watched: Watched, shop: KafkaShop, tmp_path: Path
) -> None:
    await watched.record_customers(MANY)
    facts = list(lives(MANY))
    await shop.add(facts)
    settings, stop = settings_of(database_dsns, shop, tmp_path), asyncio.Event()
    async with worker_services(settings) as one, worker_services(settings) as other:
        working = [asyncio.create_task(take_in(services, stop)) for services in (one, other)]
        await until(lambda: watched.count("SELECT count(*) FROM support_timeline_events"), len(facts))
        stop.set()
        await asyncio.gather(*working)
    assert await watched.count("SELECT sum(generation) FROM support_customers") == len(facts)
    of_each = "SELECT subject, count(*), min(sequence), max(sequence) FROM event_log GROUP BY subject"
    wrong = f"SELECT count(*) FROM ({of_each}) AS one (subject, rows, first, last) WHERE first <> 1 OR last <> rows"
    assert await watched.count(wrong) == 0
    assert await watched.count("SELECT count(*) FROM event_log") == len(facts)
    assert await watched.count("SELECT count(*) FROM dead_letters") == 0
    assert await watched.deadlocks() == 0


async def test_a_batch_that_the_database_sacrifices_to_end_a_deadlock_is_taken_in_once_it_is_tried_again(
    database_dsns: DatabaseDsns, watched: Watched, shop: KafkaShop, tmp_path: Path
) -> None:
    await watched.record_customers(FEW)
    await watched.execute(LEARNT, "learnt")
    await shop.add(placed(f"o-{n}", f"c-{n}", DAY) for n in range(FEW))
    stop = asyncio.Event()
    async with worker_services(settings_of(database_dsns, shop, tmp_path)) as services:
        async with watched.holding("SELECT FROM support_customers WHERE customer_id = 'c-5' FOR UPDATE") as stranger:
            working = asyncio.create_task(take_in(services, stop))
            await watched.until_waiting(1)
            # Waits for what the batch holds, while the batch waits for c-5: the batch looks first whether it is in a circle.
            await stranger.execute("SELECT FROM support_customers WHERE customer_id = 'c-0' FOR UPDATE")
        await until(lambda: watched.count("SELECT sum(generation) FROM support_customers"), FEW)
        stop.set()
        await working
    assert await watched.count("SELECT count(*) FROM support_timeline_events") == FEW
    assert await watched.count("SELECT count(*) FROM dead_letters") == 0
    await until(watched.deadlocks, 1)


async def until(count: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(30):
        while await count() < wanted:
            await asyncio.sleep(0.1)
