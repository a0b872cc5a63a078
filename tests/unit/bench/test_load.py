"""The load generator: what it counts, and every kind of wrong answer that it must see."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench import load
from bench.load import Expected, Plan

_HEAD = '{"entries":[1,2]'
_FRESH = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # still fresh when a long run gets here
_OLD = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()


def _tail(status: str = "ok", as_of: str = _FRESH) -> str:
    return f',"sources":[{{"status":"{status}","served_from":"lake","as_of":"{as_of}"}}],"next_cursor":null}}'


@contextlib.asynccontextmanager
async def _server(answer: Callable[[str], bytes]) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer(request.decode().split()[1]))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _answer(body: str, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


async def _faults(tmp_path: Path, answer: bytes, *, whole: bool = False) -> set[str]:
    async with _server(lambda _: answer) as address:
        expected = [Expected(_HEAD, whole=whole)]
        plan = Plan(address, 2, 0.1, ["/a"], ["t"], expected, fresh_s=0 if whole else 60.0)
        return set((await load.run(plan, {}, tmp_path)).faults)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (_answer(_HEAD + _tail()), None),
        (_answer(_HEAD + _tail(), 503), "status 503"),
        (_answer(_HEAD.replace("2", "3") + _tail()), "another body than expected"),
        (_answer(_HEAD[:5]), "another body than expected"),
        (_answer(_HEAD + _tail("stale")), "a source that is not ok: stale from lake"),
        (_answer(_HEAD + _tail(as_of=_OLD)), "an older body than promised"),
        (_answer(_HEAD + "}"), "a body whose sources cannot be read"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "connection: no Content-Length"),
    ],
)
async def test_every_wrong_answer_is_seen(tmp_path: Path, answer: bytes, fault: str | None) -> None:
    assert await _faults(tmp_path, answer) == ({fault} if fault else set())


async def test_a_body_that_is_expected_whole_may_not_go_on(tmp_path: Path) -> None:
    assert await _faults(tmp_path, _answer(_HEAD), whole=True) == set()
    assert await _faults(tmp_path, _answer(_HEAD + " "), whole=True) == {"a longer body than expected"}


async def test_the_looks_are_what_was_answered_and_the_heads_of_zipfs_law_are_asked_most(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path)
        return _answer("{}")

    async with _server(answer) as address:
        plan = Plan(address, 4, 0.5, [f"/{number}" for number in range(50)], ["a", "b"], [])
        outcome = await load.run(plan, {"me": os.getpid()}, tmp_path)
    assert outcome.requests == len(asked)
    assert {f"/{path}" for _, path, _ in outcome.looks | outcome.perhaps} == set(asked)
    assert asked.count("/0") > 5 * asked.count("/40")
    assert abs(next(iter(outcome.looks))[2] - time.time() // 60) <= 1
    assert 0 < outcome.cpu["me"] < 60


async def test_once_asks_every_path_once_and_keeps_the_bodies(tmp_path: Path) -> None:
    async with _server(_answer) as address:
        paths = [f"/{number}" for number in range(20)]
        outcome = await load.run(Plan(address, 20, 5, paths, ["a"], [], once=True), {}, tmp_path)
    assert list(outcome.bodies) == paths
    assert len(outcome.latencies_ms) == 20
