"""The load generator: what it counts, and every kind of wrong answer that it must see."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench import load
from bench.load import Expected, Plan, Post

_HEAD = '{"entries":[1,2]'
_FRESH = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # still fresh when a long run gets here
_OLD = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()


def _tail(status: str = "ok", as_of: str = _FRESH) -> str:
    return f',"sources":[{{"source":"order","status":"{status}","served_from":"lake","as_of":"{as_of}"}}],"next_cursor":null}}'


@contextlib.asynccontextmanager
async def _server(answer: Callable[[str], bytes], *, pause_s: float = 0.0) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(pause_s)
                writer.write(answer(request.decode().split()[1]))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _answer(body: str, status: int = 200, *, cache: str = "support; hit; ttl=9") -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\ncache-status: {cache}\r\ncontent-length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


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


def _plan(address: str, **others: Any) -> Plan:
    return Plan(address, 2, 1.0, ["/a"], ["t"], [Expected(_HEAD, whole=False)], **{"series": True, **others})


async def test_a_source_may_be_stale_where_the_plan_says_so_but_never_unavailable(tmp_path: Path) -> None:
    answers = {"/a": _HEAD + _tail("stale", _OLD), "/b": _HEAD + _tail("unavailable", "0001-01-01T00:00:00Z")}
    async with _server(lambda path: _answer(answers[path])) as address:
        for path, faults in (("/a", set()), ("/b", {"a source that is not ok: unavailable from lake"})):
            plan = replace(_plan(address, stale=True, fresh_s=60.0), paths=[path])
            assert set((await load.run(plan, {}, tmp_path)).faults) == faults


async def test_at_a_rate_a_request_that_waits_for_a_connection_counts_from_when_it_was_due(tmp_path: Path) -> None:
    """One connection, 20 requests a second and 0.2 s an answer: closed loops would tell of 0.2 s for each."""
    async with _server(lambda _: _answer(_HEAD + _tail()), pause_s=0.2) as address:
        outcome = await load.run(replace(_plan(address, rate=20.0), connections=1), {}, tmp_path)
    assert outcome.requests == 20
    assert outcome.seconds > 3.5
    assert outcome.series[0].max_ms > 2500
    assert outcome.series[0].requests == 20  # all were due in the first second


async def test_at_a_rate_requests_are_begun_whatever_the_answers_do(tmp_path: Path) -> None:
    async with _server(lambda _: _answer(_HEAD + _tail()), pause_s=0.5) as address:
        outcome = await load.run(replace(_plan(address, rate=40.0), connections=40), {}, tmp_path)
    assert outcome.requests == 40
    assert outcome.p99_ms < 1500


async def test_what_cannot_be_begun_within_the_patience_is_a_fault(tmp_path: Path) -> None:
    async with _server(lambda _: _answer(_HEAD + _tail()), pause_s=0.4) as address:
        plan = replace(_plan(address, rate=20.0, patience_s=1.0), connections=1)
        outcome = await load.run(plan, {}, tmp_path)
    late = outcome.faults["not begun: no connection was free"]
    assert late + outcome.requests == 20
    assert late > 5


async def test_the_series_tells_statuses_faults_sources_and_the_cache(tmp_path: Path) -> None:
    answers = {
        "/good": _answer(_HEAD + _tail(), cache="support; hit; ttl=3"),
        "/wrong": _answer("{}", cache="support; fwd=miss"),
        "/bad": _answer(_HEAD + _tail(), 503),
    }
    async with _server(answers.__getitem__) as address:
        expected = [Expected(_HEAD, whole=False)] * 3
        plan = replace(_plan(address, rate=25.0), paths=list(answers), expected=expected, exponent=0.0, seconds=2.0)
        outcome = await load.run(plan, {}, tmp_path)
    assert len(outcome.series) == 2
    assert abs(outcome.begun - time.time()) < 30
    for second in outcome.series:
        assert second.requests == 25 == sum(second.statuses.values())
        assert set(second.statuses) == {"200", "503"}
        assert set(second.faults) == {"status 503", "another body than expected"}
        assert second.said == {"order ok/lake": second.cache["hit"]}
        assert sum(second.cache.values()) == second.statuses["200"]


async def test_cold_paths_are_each_asked_for_once_and_that_none_is_left_is_a_fault(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path)
        return _answer(_HEAD + _tail())

    paths = ["/hot-0", "/hot-1", *(f"/cold-{number}" for number in range(50))]
    async with _server(answer) as address:
        expected = [Expected(_HEAD, whole=False)] * len(paths)
        plan = replace(_plan(address, rate=400.0), paths=paths, expected=expected)
        outcome = await load.run(replace(plan, hot=2, cold_share=0.1, cold=list(range(2, 52))), {}, tmp_path)
        assert 10 < sum(path.startswith("/cold") for path in asked) <= 50
        assert sum(second.cold for second in outcome.series) == sum(path.startswith("/cold") for path in asked)
        assert len(set(asked)) == 2 + sum(path.startswith("/cold") for path in asked)
        spent = await load.run(replace(plan, hot=2, cold_share=0.5, cold=list(range(2, 52))), {}, tmp_path)
    assert spent.faults["no cold path is left"] > 50


async def test_the_load_ends_with_what_happens_meanwhile(tmp_path: Path) -> None:
    async with _server(lambda _: _answer(_HEAD + _tail())) as address:
        for rate in (0.0, 50.0):
            plan = replace(_plan(address, rate=rate), seconds=60.0)
            outcome = await load.run(plan, {}, tmp_path, meanwhile=lambda: asyncio.sleep(0.5))
            assert 0.4 < outcome.seconds < 20
            assert outcome.requests
            assert not outcome.faults


async def test_stored_facts_may_have_their_keys_in_another_order_where_stale_ones_are_allowed(tmp_path: Path) -> None:
    stale = _tail("stale", _OLD)
    said = '{"entries":[{"b":2,"a":"x"}]'
    for body, right in (('{"entries":[{"a":"x","b":2}]', True), ('{"entries":[{"a":"x","b":3}]', False)):
        async with _server(lambda _, body=body: _answer(body + stale)) as address:  # type: ignore[misc]
            plan = replace(_plan(address, stale=True), expected=[Expected(said, whole=False)], seconds=0.2)
            outcome = await load.run(plan, {}, tmp_path)
        assert set(outcome.faults) == (set() if right else {"another body than expected"})
        assert (outcome.wrong is None) == right
        if outcome.wrong is not None:
            assert outcome.wrong == {"path": "/a", "body": body + stale}


@contextlib.asynccontextmanager
async def _taking(answer: bytes, heard: list[tuple[str, str]]) -> AsyncIterator[str]:
    """A server that takes bodies in, and ends each connection of which the answer says so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
                heard.append((head, (await reader.readexactly(length)).decode()))
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer.lower():
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("goes_on", [True, False])
async def test_what_is_posted_has_each_number_once_also_when_every_answer_ends_its_connection(
    tmp_path: Path, *, goes_on: bool
) -> None:
    heard: list[tuple[str, str]] = []
    end = "" if goes_on else "Connection: close\r\n"
    async with _taking(f"HTTP/1.1 201 Made\r\n{end}Content-Length: 2\r\n\r\n{{}}".encode(), heard) as address:
        post = Post('{"order": "o-{n}", "again": {n}}', "Idempotency-Key: k-{n}", first=7)
        outcome = await load.run(Plan(address, 3, 0.3, ["/a"], ["t"], [], scheme="Token", post=post), {}, tmp_path)
    assert not outcome.faults
    assert outcome.requests == len(heard) > 3
    numbers = sorted(json.loads(body)["again"] for _, body in heard)
    assert numbers == list(range(7, 7 + len(heard)))
    for head, body in heard:
        number = json.loads(body)["again"]
        assert json.loads(body)["order"] == f"o-{number}"
        assert head.startswith("POST /a HTTP/1.1\r\n")
        assert "\r\nAuthorization: Token t\r\n" in head
        assert f"\r\nIdempotency-Key: k-{number}\r\n" in head


async def test_what_is_posted_must_be_made_and_not_only_answered(tmp_path: Path) -> None:
    async with _taking(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", []) as address:
        outcome = await load.run(Plan(address, 1, 0.1, ["/a"], ["t"], [], post=Post("{}")), {}, tmp_path)
    assert set(outcome.faults) == {"status 200"}
