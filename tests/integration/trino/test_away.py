"""Trino itself away: killed, starting, standing still; each is told in time, and it is used again when it is back."""

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from support.shop import DAY, every_fact
from support.trino import SOURCE_NAMES, TrinoShop
from support_service.adapters.trino import TrinoLake
from support_service.ports.lake import LakeError

if TYPE_CHECKING:
    from tools.stack import Running


async def rows(lake: TrinoLake, *, deadline_s: float = 2) -> int:
    return len(await lake.facts(["o1"], sources=SOURCE_NAMES, since=DAY, limit=100, deadline_s=deadline_s))


@pytest.mark.slow
@pytest.mark.timeout(120, func_only=True)
async def test_killed_and_started_again_it_is_away_then_starting_then_back(
    lake: TrinoLake, shop: TrinoShop, trino: "Running"
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await lake.ping(deadline_s=30)
    asking = asyncio.create_task(rows(lake, deadline_s=10))
    await asyncio.sleep(0.02)
    await asyncio.to_thread(trino.kill)
    with pytest.raises(LakeError, match="unavailable"):
        await asking
    started = time.monotonic()
    with pytest.raises(LakeError, match="unavailable"):
        await rows(lake)
    assert time.monotonic() - started < 0.2

    starting = asyncio.create_task(asyncio.to_thread(trino.start))
    told: set[tuple[str, str | None]] = set()
    found = None
    while found is None:
        asked = time.monotonic()
        try:
            found = await rows(lake, deadline_s=5)
        except LakeError as error:
            told.add((error.reason, error.source))
        assert time.monotonic() - asked < 5.5
        await asyncio.sleep(0.1)
    assert found == len(every_fact("o1", "c1"))
    assert ("unavailable", None) in told
    assert told <= {("unavailable", None), ("starting", None), ("timeout", None)}
    await starting


async def test_while_it_stands_still_each_caller_waits_for_the_deadline_and_no_longer(
    lake: TrinoLake, shop: TrinoShop, trino: "Running"
) -> None:
    await shop.add(every_fact("o1", "c1"))
    await lake.ping(deadline_s=30)
    trino.pause()
    try:
        started = time.monotonic()
        answers = await asyncio.gather(*(rows(lake, deadline_s=1) for _ in range(20)), return_exceptions=True)
        assert time.monotonic() - started < 1.5
        assert {answer.reason for answer in answers if isinstance(answer, LakeError)} == {"timeout"}
        assert len(answers) == 20
    finally:
        trino.resume()
    async with asyncio.timeout(30):
        while True:
            try:
                assert await rows(lake, deadline_s=5) == len(every_fact("o1", "c1"))
            except LakeError:
                await asyncio.sleep(0.2)
            else:
                return
