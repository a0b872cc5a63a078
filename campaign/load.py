"""A day at the desk, fast: agents, a supervisor's stream, a storefront, a receiver of webhooks, all at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random

import aiohttp
from aiohttp import web

from campaign.clients import Client
from campaign.history import History
from support.receivers import Receiver, answers, open_receiver
from support.service import Person
from support.stream import StreamGone, listening

STOREFRONTS = 2
_THINKS_S = 0.03
_TALKED_OF = 3
"""The newest cases, to which half of the work goes: there people get in each other's way."""

_FAILS = 0.02
"""The part of the posts that the receiver does not take."""

_SILENCE_S = 20.0
_STATUSES = ("OPEN", "PENDING", "ON_HOLD", "OPEN", "PENDING", "ON_HOLD", "RESOLVED", "CLOSED")


async def at_the_desk(client: Client, stop: asyncio.Event) -> None:
    """What an agent does, over and over until `stop`; what is begun is brought to its end."""
    await client.sign_in()
    while not stop.is_set():
        await asyncio.sleep(client.rng.uniform(0, 2 * _THINKS_S))
        step = client.rng.choice(("open", "reply", "reply", "words", "change", "change", "look", "note", "careless"))
        if step == "open" or not client.cases:
            await client.open_case()
            continue
        known = client.cases if client.rng.random() < 1 / 2 else client.cases[-_TALKED_OF:]
        ticket_id = client.rng.choice(known)
        if step == "reply":
            await client.reply(ticket_id)
        elif step == "words":
            await client.post(ticket_id, on_behalf_of_customer=True)
        elif step == "change":
            await client.change(ticket_id, status=client.rng.choice(_STATUSES))
        elif step == "look":
            await client.look(f"/support/cases/{ticket_id}/timeline", ticket_id)
        else:
            await client.post(ticket_id, internal=True, careful=step == "note")


async def at_the_storefront(client: Client, stop: asyncio.Event) -> None:
    """What a machine does: it opens cases, some without a name for what it asks, and passes on what customers say."""
    mine: list[str] = []
    while not stop.is_set():
        await asyncio.sleep(client.rng.uniform(0, 2 * _THINKS_S))
        if not mine or client.rng.random() < 1 / 2:
            said = await client.open_case(careful=client.rng.random() < 3 / 4, channel="API")
            mine += [said.ticket_id] if said.ticket_id else []
        else:
            await client.post(client.rng.choice(mine[-5:]), on_behalf_of_customer=True)


async def read_the_stream(people: Sequence[Person], history: History, rng: Random) -> None:
    """Read what happens to all cases from the log's beginning on, resumed by the last event's id until cancelled."""
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, StreamGone):
            async with listening(rng.choice(people), after=history.told[-1] if history.told else 0) as stream:
                history.resumed += 1
                while True:
                    event = await stream.next(_SILENCE_S)
                    if event.name == "gap":
                        history.gaps += 1
                    else:
                        history.told.append(event.position)
        await asyncio.sleep(_THINKS_S)


@contextlib.asynccontextmanager
async def receiving(rng: Random) -> AsyncIterator[Receiver]:
    """A receiver of webhooks that fails now and then."""
    takes, fails = answers(204), answers(503)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (fails if rng.random() < _FAILS else takes)(request)

    async with open_receiver() as receiver:
        receiver.answer = answer
        yield receiver


def crowd(new_client: Callable[[str], Client], agents: int) -> tuple[list[Client], list[Client]]:
    """So many agents, who share what cases they know of, and the storefronts."""
    shared: list[str] = []
    desks = [new_client("AGENT") for _ in range(agents)]
    for client in desks:
        client.cases = shared
    return desks, [new_client("SERVICE") for _ in range(STOREFRONTS)]
