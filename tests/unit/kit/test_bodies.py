"""Bodies that do not come, or come in part."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from support_service.kit import bodies
from support_service.kit.bodies import BodyCutOff, BodyTooSlow, body_of


def request(*messages: Message, length: int | None = None) -> Request:
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.sleep(3_600)
        return waiting.pop(0)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return Request({"type": "http", "headers": headers}, receive)


async def test_a_body_that_stops_coming_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WITHIN_S", 0.05)
    with pytest.raises(BodyTooSlow):
        await body_of(request({"type": "http.request", "body": b"{", "more_body": True}))


async def test_a_body_that_a_server_gives_in_part_is_not_taken_for_the_whole() -> None:
    message = {"type": "http.request", "body": b"{}", "more_body": False}
    with pytest.raises(BodyCutOff):
        await body_of(request(message, length=3))
    assert await body_of(request(message, length=2)) == b"{}"
    assert await body_of(request(message)) == b"{}"


async def test_a_sender_who_goes_away_is_told_apart_from_a_fault_of_ours() -> None:
    with pytest.raises(BodyCutOff):
        await body_of(request({"type": "http.disconnect"}, length=3))
