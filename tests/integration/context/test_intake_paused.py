"""A database that does not answer for a while: the intake's memory stays bounded, its place in the group is kept, nothing is lost."""

import asyncio
import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from support.intake import Watched, settings_of, worker_services
from support.kafka import KafkaShop
from support.postgres import DatabaseDsns
from support.shop import DAY, placed
from support_service.entrypoints.worker import take_in

EVENTS = 5_000
PADDING = 20_000
"""Bytes of each, so that 100 MB wait."""

MOST_GROWTH_MB = 70.0
"""What is fetched ahead, a batch of it in hand, and what is made of them."""

PAUSE_S = 12.0
"""Longer than one statement may take."""

LOCK = "LOCK TABLE support_timeline_events IN ACCESS EXCLUSIVE MODE"
INBOX = "SELECT count(*) FROM support_timeline_events"


async def members(shop: KafkaShop) -> set[str]:
    """Of its group, while that is at rest; none else."""
    admin = AdminClient({"bootstrap.servers": shop.servers})
    described = await asyncio.wrap_future(admin.describe_consumer_groups([shop.prefix])[shop.prefix])
    return {one.member_id for one in described.members} if described.state == ConsumerGroupState.STABLE else set()


async def until_member(shop: KafkaShop) -> set[str]:
    async with asyncio.timeout(30):
        while not (found := await members(shop)):
            await asyncio.sleep(0.1)
    return found


async def until_inbox(watched: Watched, wanted: int) -> None:
    async with asyncio.timeout(40):
        while await watched.count(INBOX) < wanted:
            await asyncio.sleep(0.1)


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def environment_of(settings: dict[str, Any]) -> dict[str, str]:
    pairs = {
        **settings,
        "demo": "true",
        "kafka_topics": ",".join(f"{a}={b}" for a, b in settings["kafka_topics"].items()),
    }
    return dict(os.environ) | {name.upper(): str(value) for name, value in pairs.items()}


@pytest.mark.slow
@pytest.mark.timeout(150, func_only=True)
async def test_while_the_database_hangs_a_worker_fetches_no_more_than_it_may_hold_and_stays_in_its_group(
    database_dsns: DatabaseDsns, watched: Watched, shop: KafkaShop, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "support_service.entrypoints.cli", "worker"]
    environment = environment_of(settings_of(database_dsns, shop, tmp_path))
    worker = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    try:
        before = await until_member(shop)
        small, most = resident_mb(worker.pid), 0.0
        async with watched.holding(LOCK):
            padding = secrets.token_hex(PADDING // 2)
            await shop.add((placed(f"o-{n}", "c-1", DAY) for n in range(EVENTS)), padding=padding)
            for _ in range(int(PAUSE_S / 0.1)):
                most = max(most, resident_mb(worker.pid))
                await asyncio.sleep(0.1)
        assert most - small < MOST_GROWTH_MB, f"{small:.0f} MB, then {most:.0f} MB"
        await until_inbox(watched, EVENTS)
        assert await members(shop) == before
        assert await watched.count(INBOX) == EVENTS
        assert await watched.count("SELECT count(*) FROM dead_letters") == 0
    finally:
        worker.terminate()
        await worker.wait()


@pytest.mark.slow
@pytest.mark.timeout(90, func_only=True)
async def test_a_worker_that_was_held_up_for_so_long_that_it_lost_its_place_joins_again_and_takes_in_everything_once(
    database_dsns: DatabaseDsns, watched: Watched, shop: KafkaShop, tmp_path: Path
) -> None:
    quick = {"max.poll.interval.ms": "6000", "session.timeout.ms": "6000"}
    stop = asyncio.Event()
    async with worker_services(settings_of(database_dsns, shop, tmp_path, kafka_options=quick)) as services:
        await shop.add(placed(f"o-{n}", "c-1", DAY + timedelta(seconds=n)) for n in range(600))
        async with watched.holding(LOCK):
            working = asyncio.create_task(take_in(services, stop))
            await watched.until_waiting(1)
            before = await until_member(shop)
            async with asyncio.timeout(30):
                while await members(shop) == before:
                    await asyncio.sleep(0.5)
        await until_inbox(watched, 600)
        await shop.add(placed(f"later-{n}", "c-1", DAY) for n in range(600))
        await until_inbox(watched, 1_200)
        stop.set()
        await working
    assert await watched.count(INBOX) == 1_200
    assert await watched.count("SELECT count(*) FROM dead_letters") == 0
