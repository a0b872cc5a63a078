"""What is there while the rows are tried: cases, a webhook, people and tokens; and how a row is sent."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from support.api import CASES, agent_id, count, new_case, patch, send
from support.bad_input.row import HOOKS, Row
from support.issuer import rsa_key
from support.service import Answer, Person, RunningService
from support_service.kit import idempotency
from support_service.kit.idempotency import Scope

TABLES = ("support_tickets", "support_conversations", "event_log", "idempotency_keys", "support_customers",
          "support_webhooks", "support_webhook_deliveries", "support_case_context", "due_work")  # fmt: skip
"""What a refused request must leave as it was."""

_PATIENCE_S = 5.0


@dataclass(slots=True)
class World:
    """What the rows speak of."""

    service: RunningService
    callers: Mapping[str, Person] = field(default_factory=dict)
    there: Mapping[str, str] = field(default_factory=dict)

    async def stored(self) -> dict[str, int]:
        """How many rows there are of everything."""
        return {table: await count(self.service, table) for table in TABLES}

    async def answer(self, row: Row) -> Answer:
        """What comes back when a row is sent."""
        async with prepared(self, row):
            if row.raw is not None:
                raw = row.raw.replace(b"{token}", self._token(row).encode())
                return await self._exchanged(raw, ends=row.before == "the end")
            body = row.body() if row.body is not None else None
            if isinstance(body, bytes):
                body = self._filled(body.decode("latin-1")).encode("latin-1")
            return await send(
                self.service, row.method, self._filled(row.path), body, self._token(row) or None, **row.headers
            )

    def _filled(self, text: str) -> str:
        for name, value in self.there.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _token(self, row: Row) -> str:
        return self.callers[row.caller].token

    async def _exchanged(self, raw: bytes, *, ends: bool) -> Answer:
        """The answer to bytes that are sent as they are; with an end behind them, if wanted."""
        address = urlsplit(self.service.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                writer.write(raw)
                if ends:
                    writer.write_eof()
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
        finally:
            writer.close()
        return Answer(int(head[0].split()[1]), json.loads(body) if body else "", headers)


async def open_world(service: RunningService) -> World:
    """Have there be what the rows speak of."""
    supervisor, agent = service.person("SUPERVISOR", teams=("orders",)), service.person("AGENT", teams=("payments",))
    case = (await supervisor.open_case())["ticket_id"]
    answered, closed = [(await supervisor.open_case())["ticket_id"] for _ in range(2)]
    first = (await supervisor.get(f"{CASES}/{answered}"))["conversation"][0]["conversation_id"]
    assert (await service.person("SUPERVISOR").say(answered, "It comes tomorrow.")).status == 201
    assert (await patch(supervisor, closed, 1, status="CLOSED")).status == 200
    cursor = (await supervisor.get(f"{CASES}?limit=1"))["next_cursor"]
    used = await supervisor.ask("POST", CASES, new_case(priority="HIGH"), idempotency_key="used")
    assert used.status == 201
    webhook = await supervisor.ask("POST", HOOKS, {"url": "http://127.0.0.1:9999/hook"})
    assert webhook.status == 201, webhook
    strangers = {
        "nobody": "",
        "garbage": "not.a.token",
        "expired": _token(service, lifetime=timedelta(minutes=-5)),
        "forged": rsa_key("first").sign(
            {"iss": "support-service-demo", "sub": "x", "aud": "support-service", "exp": 9e9}
        ),
        "passer-by": _token(service, roles=("customer",)),
    }
    people = {name: Person(service.session, service.url, token) for name, token in strangers.items()}
    return World(
        service,
        {"supervisor": supervisor, "agent": agent, **people},
        {
            "case": case,
            "answered": answered,
            "closed": closed,
            "first_message": first,
            "foreign_message": first,
            "cursor": cursor,
            "truncated": cursor[:-7],
            "person": await agent_id(agent),
            "webhook": webhook.body["webhook_id"],
        },
    )


@contextlib.asynccontextmanager
async def prepared(world: World, row: Row) -> AsyncIterator[None]:
    """What has to be so while a row is sent."""
    if row.before != "held key":
        yield
        return
    principal = UUID(await agent_id(world.callers[row.caller]))
    async with world.service.api.database.transaction() as tx:
        scope = Scope(principal, f"{row.method} {CASES}", "held")
        assert await idempotency.begin(tx, scope, b"", world.service.api._clock.now()) is None
        yield


def _token(service: RunningService, **fields: Any) -> str:
    told = {"subject": "somebody", "name": "n", "email": "e@example.com", "roles": ("SUPERVISOR",), "teams": ()}
    return service.issuer.token(**{**told, **fields})
