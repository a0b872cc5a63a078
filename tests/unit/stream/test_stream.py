"""The streams of one process: told once and in order, alive in silence, ended when slow, old, or with the process."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from support_service.cases import CaseFacts
from support_service.directory import Principal, Role
from support_service.kit import eventlog
from support_service.kit.eventlog import LogRow
from support_service.stream.errors import TooManyStreams
from support_service.stream.service import Stream

TICKET = uuid4()


class Service:
    """A database whose log is a list, with one case that everybody sees."""

    def __init__(self) -> None:
        self.rows: list[LogRow] = []
        self.away = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Service"]:
        if self.away:
            raise OSError
        yield self

    async def facts_of_many(self, _connection: object, ticket_ids: Collection[UUID]) -> dict[UUID, CaseFacts]:
        return {ticket_id: CaseFacts(ticket_id, 1, 0, "c-1", None, None, TICKET) for ticket_id in ticket_ids}

    def happens(self, count: int = 1) -> None:
        data = {"ticket_id": str(TICKET), "before": "OPEN", "after": "PENDING", "team": None}
        for _ in range(count):
            position = len(self.rows) + 1
            row = (
                position,
                uuid4(),
                "support.case.status.changed",
                str(TICKET),
                position,
                json.dumps(data),
                datetime.now(UTC),
                None,
            )
            self.rows.append(LogRow(*row))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    async def read(connection: Any, after: int) -> list[LogRow]:
        rows: list[LogRow] = connection.rows[after : after + 500]
        return rows

    async def head(connection: Any) -> int:
        return len(connection.rows)

    monkeypatch.setattr(eventlog, "read", read)
    monkeypatch.setattr(eventlog, "head", head)
    return Service()


@pytest.fixture
async def stream(service: Service) -> AsyncIterator[Stream]:
    stop = asyncio.Event()
    stream: Any = Stream(service, service)  # type: ignore[arg-type] # what it needs of both
    stream.stop = stop
    running = asyncio.create_task(stream.run(stop))
    yield stream
    stop.set()
    await running


@pytest.fixture
def rarely_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """To be there before the stream is."""
    monkeypatch.setattr("support_service.stream.service.KEEP_ALIVE_S", 0.05)


def somebody(*teams: str) -> Principal:
    return Principal(uuid4(), "issuer", "subject", None, frozenset({Role.AGENT}), frozenset(teams))


async def text_until(chunks: AsyncIterator[bytes], wanted: str) -> str:
    told = ""
    async with asyncio.timeout(5):
        while wanted not in told:
            told += (await anext(chunks)).decode()
    return told


async def test_all_who_listen_are_told_from_where_they_began(service: Service, stream: Stream) -> None:
    service.happens(2)
    async with stream.listen(somebody(), None) as first, stream.listen(somebody(), "1") as second:
        service.happens()
        told = await text_until(first, "id: 3\n")
        assert told.startswith("retry: 2000\n\nid: 2\n\nid: 3\nevent: case.changed\n")
        told = await text_until(second, "id: 3\n")
        assert [line for line in told.split("\n") if line.startswith("id: ")] == ["id: 2", "id: 2", "id: 3"]


async def test_requests_have_their_turn_while_many_are_told_whatever_their_teams(
    service: Service, stream: Stream
) -> None:
    turn = 0

    async def told_in_turn(chunks: AsyncIterator[bytes]) -> int:
        await text_until(chunks, "id: 1\n")
        return turn

    async with AsyncExitStack() as all_:
        listening = [await all_.enter_async_context(stream.listen(somebody(f"t-{n}"), None)) for n in range(30)]
        telling = [asyncio.create_task(told_in_turn(chunks)) for chunks in listening]
        await asyncio.sleep(0)
        service.happens()
        while not all(task.done() for task in telling):
            await asyncio.sleep(0)
            turn += 1
        turns = Counter(task.result() for task in telling)
    assert max(turns.values()) <= 10


@pytest.mark.usefixtures("rarely_silent")
async def test_who_comes_while_others_are_told_waits_for_nobody_and_nobody_goes_on_from_what_they_were_not_told(
    service: Service, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support_service.stream.service._AT_ONCE", 1)
    monkeypatch.setattr("support_service.stream.service._PAUSE_S", 2.0)
    async with stream.listen(somebody("a"), None) as first, stream.listen(somebody("b"), None) as second:
        await text_until(second, "id: 0\n\n")
        service.happens()
        await text_until(first, "id: 1\nevent")
        monkeypatch.setattr("support_service.stream.service._PAUSE_S", 0.0)
        async with stream.listen(somebody("c"), "0") as third:
            assert (await text_until(third, "id: 1\n\n")).count("event: case.changed") == 1
            assert (await anext(second)).decode() == "id: 0\n\n"
            service.happens()
            assert "id: 1\nevent" not in await text_until(third, "id: 2\nevent")
            assert "id: 1\n\n" not in await text_until(second, "id: 1\nevent")


@pytest.mark.usefixtures("rarely_silent")
async def test_a_silent_stream_says_that_it_is_alive_and_from_where_to_go_on(service: Service, stream: Stream) -> None:
    service.happens(2)
    async with stream.listen(somebody(), None) as chunks:
        assert await text_until(chunks, "id: 2\n\nid: 2\n\n") == "retry: 2000\n\nid: 2\n\nid: 2\n\n"
        service.rows.append(LogRow(3, uuid4(), "support.other", "x", 1, "{}", datetime.now(UTC), None))
        await text_until(chunks, "id: 3\n\n")


async def test_who_takes_nothing_is_let_go_and_goes_on_later_while_others_are_told(
    service: Service, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support_service.stream.listener._MOST_WAITING", 3)
    async with stream.listen(somebody(), None) as quick, stream.listen(somebody(), None) as slow:
        told = await text_until(slow, "id: 0\n\n")
        for number in range(1, 6):
            service.happens()
            await text_until(quick, f"id: {number}\n")
        told += "".join([chunk.decode() async for chunk in slow])
        assert "id: 5\n" not in told
    async with stream.listen(somebody(), "3") as again:
        await text_until(again, "id: 5\n")


async def test_with_the_process_every_stream_ends_and_none_begins(service: Service, stream: Any) -> None:
    async with stream.listen(somebody(), None) as chunks:
        await text_until(chunks, "id: 0\n\n")
        stream.stop.set()
        async with asyncio.timeout(2):
            assert [chunk async for chunk in chunks] == []
    with pytest.raises(TooManyStreams):
        async with stream.listen(somebody(), None):
            pass
    assert not service.rows


@pytest.mark.usefixtures("rarely_silent")
async def test_an_old_stream_ends_to_be_opened_anew(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support_service.stream.service.LONGEST_S", 0.0)
    async with stream.listen(somebody(), None) as chunks, asyncio.timeout(2):
        told = [chunk async for chunk in chunks]
    assert told[0] == b"retry: 2000\n\n"


async def test_a_database_that_is_away_for_a_while_loses_nothing(service: Service, stream: Stream) -> None:
    async with stream.listen(somebody(), None) as chunks:
        await text_until(chunks, "id: 0\n\n")
        service.away = True
        await asyncio.sleep(0.2)
        service.happens(2)
        service.away = False
        told = await text_until(chunks, "id: 2\n")
        assert "id: 1\n" in told
