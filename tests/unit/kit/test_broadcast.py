"""One result that many wait for."""

import asyncio

import pytest

from support_service.kit.broadcast import Broadcast


async def test_everybody_who_still_waits_gets_the_result_and_who_goes_away_takes_nobody_along() -> None:
    broadcast = Broadcast[int]()
    gone, waiting = (asyncio.ensure_future(_waited(broadcast)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    broadcast.tell(7)
    assert await waiting == 7
    assert gone.cancelled()


async def test_everybody_gets_the_error() -> None:
    broadcast = Broadcast[int]()
    waiting = [broadcast.wait() for _ in range(2)]
    broadcast.fail(ValueError())
    for one in waiting:
        with pytest.raises(ValueError, match=r"^$"):
            await one


async def test_nobody_waits_for_a_result_that_will_not_come() -> None:
    broadcast = Broadcast[int]()
    waiting = broadcast.wait()
    broadcast.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _waited(broadcast: Broadcast[int]) -> int:
    return await broadcast.wait()
