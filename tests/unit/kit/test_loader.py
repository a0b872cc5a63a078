"""Looking many things up in one query."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from support_service.kit.loader import Loader


class Counted:
    """Knows the length of every word but the empty one, once it is let; remembers what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.let = asyncio.Event()
        self.loader: Loader[str, int] = Loader(self._load)

    async def _load(self, words: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(words))
        await self.let.wait()
        if "bad" in words:
            raise ValueError
        return {word: len(word) for word in words if word}


async def test_who_asks_at_once_shares_a_query_in_which_each_key_stands_once() -> None:
    words = Counted()
    words.let.set()
    found = await asyncio.gather(*map(words.loader.get, ["a", "bb", "a", ""]))
    assert found == [1, 2, 1, None]
    assert words.asked == [["a", "bb", ""]]


async def test_who_asks_while_queries_are_under_way_goes_with_a_later_one_also_for_the_same_key() -> None:
    words = Counted()
    waiting = [asyncio.create_task(words.loader.get("a"))]
    for _ in range(50):
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(words.loader.get("a")))
    await asyncio.sleep(0.01)
    assert words.asked == [["a"], ["a"]]  # two at once, the others wait
    words.let.set()
    assert await asyncio.gather(*waiting) == [1] * 51
    assert words.asked == [["a"]] * 3


async def test_a_failure_is_told_to_everybody_who_went_along_and_to_nobody_later() -> None:
    words = Counted()
    words.let.set()
    answers = await asyncio.gather(*map(words.loader.get, ["bad", "a"]), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]
    assert await words.loader.get("a") == 1


async def test_who_goes_away_takes_nobody_along() -> None:
    words = Counted()
    first, second = (asyncio.create_task(words.loader.get(word)) for word in ("a", "bb"))
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    words.let.set()
    assert await second == 2
