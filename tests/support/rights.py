"""Six callers, what each of them has and has not in sight, and how a cell of contracts/rights.toml is asked for."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from tools.contracts.rights import CALLERS, Right, read

from support.api import CASES, patch, rows
from support.blobs import attached
from support.service import Answer, Person, RunningService
from support_service.ports.events import Record

RIGHTS = read(Path(__file__).parents[2] / "contracts")
GUARDED = [right for right in RIGHTS if not right.open]
_READING = next(right for right in RIGHTS if right.operation == "GET /support/cases/{ticket_id}")
AGENT, OTHER_AGENT, SUPERVISOR, ANALYST, MACHINE, OTHER_MACHINE = CALLERS
HERE, ELSEWHERE = "here", "elsewhere"
_TEAMS = {AGENT: ("orders",), OTHER_AGENT: ("payments",), ANALYST: ("orders",)}

Ids = Mapping[str, str]
"""By the name that an id has in paths."""


class Cell(NamedTuple):
    """One call: what of the operation's ids is not where the path says, who asks, and what they are answered."""

    right: Right
    one: str
    place: str
    caller: str
    status: int

    def __str__(self) -> str:
        which = f"{self.one} {self.place}, " if self.one else ""
        return f"{self.right.method} {self.right.path} {self.right.body or ''}, {which}{self.caller}: {self.status}"

    @property
    def hides_the_case(self) -> bool:
        """Whether there is such a case, out of the caller's sight: they could not read it either."""
        if (
            self.status != 404
            or "ticket_id" not in self.right.ids
            or (self.one, self.place) == ("ticket_id", "nowhere")
        ):
            return False
        of_the_case = ("ticket_id", self.place) if self.one == "ticket_id" else ("", "")
        return _READING.cells[of_the_case][CALLERS.index(self.caller)] == 404

    @property
    def hides_the_customer(self) -> bool:
        """Whether there is such a customer, of whom the caller sees no case."""
        return self.status == 404 and "customer_id" in self.right.ids and self.place != "nowhere"


def cells(right: Right) -> Iterator[Cell]:
    """All of an operation, but for those without a token that is valid."""
    for (one, place), answers in right.cells.items():
        for caller, status in zip(CALLERS, answers, strict=True):
            yield Cell(right, one, place, caller, status)


@dataclass(frozen=True, slots=True)
class Ground:
    """A service with everything in it that an id of a path can mean."""

    service: RunningService
    callers: Mapping[str, Person]
    agent_ids: Mapping[str, str]
    ids: Mapping[str, Ids]
    """HERE and ELSEWHERE."""

    def ids_of(self, cell: Cell) -> dict[str, str]:
        """The ids of a cell's call."""
        ids = dict(self.ids[HERE])
        if cell.one:
            ids[cell.one] = self.ids[ELSEWHERE][cell.one] if cell.place == ELSEWHERE else str(uuid4())
        return ids

    def case_of(self, customer_id: str) -> str:
        """The case of one of the two customers."""
        return next(ids["ticket_id"] for ids in self.ids.values() if ids["customer_id"] == customer_id)

    def expired(self, caller: str) -> str:
        """A token of this caller that was valid two minutes ago."""
        return _token(self.service, caller, timedelta(minutes=-2))

    async def ask(self, right: Right, ids: Ids, token: str | None, **headers: str) -> Answer:
        """Make an operation's call, with what it needs besides; header names with underscores."""
        path = right.path.format_map(ids)
        if right.method == "PATCH":
            shown = await self.callers[SUPERVISOR].ask("GET", path)
            headers |= {"if_match": shown.headers.get("etag", '"1"')}
        data = None if right.body is None else json.dumps(right.body)
        return await ask(self.service, right.method, path, token, data=data, **headers)


async def ask(
    service: RunningService, method: str, path: str, token: str | None, *, data: str | None = None, **headers: str
) -> Answer:
    """Send a request with this JSON, and with a token if there is one; of a stream that is opened only the head is read."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": "application/json"}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    async with service.session.request(method, service.url + path, data=data, headers=sent) as answer:
        kind = answer.headers.get("content-type", "")
        text = "" if "event-stream" in kind else await answer.text(errors="replace")
        return Answer(answer.status, json.loads(text) if "json" in kind and text else text, answer.headers)


async def furnished(service: RunningService) -> Ground:
    """A ground to ask on."""
    for caller in CALLERS:
        await Person(service.session, service.url, _token(service, caller)).get(CASES)  # signs them in
    known = await rows(service, "SELECT subject, agent_id::text FROM support_agents")
    agent_ids = {row["subject"]: row["agent_id"] for row in known}
    # By tokens of their own: who was looked up before they had a team is remembered so by the other ones.
    later = {caller: _token(service, caller, timedelta(hours=2)) for caller in CALLERS}
    callers = {caller: Person(service.session, service.url, token) for caller, token in later.items()}
    ground = Ground(service, callers, agent_ids, {HERE: {}, ELSEWHERE: {}})
    return await refurnished(ground)


async def refurnished(ground: Ground) -> Ground:
    """The same callers on a ground that nothing was done on yet."""
    service, callers = ground.service, ground.callers
    await _let_be_in_teams(service)
    sides = {HERE: (AGENT, "orders", MACHINE), ELSEWHERE: (OTHER_AGENT, "payments", OTHER_MACHINE)}
    ids = {
        side: {
            **await _case(service, callers[machine], callers[agent], team),
            "agent_id": ground.agent_ids[agent],
            "team": team,
            "customer_id": f"c-{team}",
            "dead_letter_id": await _dead_letter(service),
            **await _webhook(service),
        }
        for side, (agent, team, machine) in sides.items()
    }
    return Ground(service, callers, ground.agent_ids, ids)


def _token(service: RunningService, caller: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    teams = _TEAMS.get(caller, ())
    role = caller.removeprefix("another ").split()[0]
    return service.issuer.token(subject=caller, name=caller, email="", roles=(role,), teams=teams, lifetime=lifetime)


async def _case(service: RunningService, opener: Person, agent: Person, team: str) -> dict[str, str]:
    """A case of the team, a reply in it, and a file that the reply holds."""
    ticket_id: str = (await opener.open_case(customer_id=f"c-{team}", order_id=f"o-{team}"))["ticket_id"]
    given = await patch(agent, ticket_id, 1, team=team)
    assert given.status == 200, given
    reply = await agent.say(ticket_id, "It comes tomorrow.")
    assert reply.status == 201, reply
    file = await attached(service, ticket_id)
    return {"ticket_id": ticket_id, "conversation_id": reply.body["conversation_id"], "attachment_id": file}


async def _let_be_in_teams(service: RunningService) -> None:
    async with service.api.database.connection() as connection:
        for caller, teams in _TEAMS.items():
            await connection.execute(
                "INSERT INTO support_teams (team, name, created_at) SELECT team, team, now() FROM unnest($1::text[]) team"
                " ON CONFLICT DO NOTHING",
                list(teams),
            )
            await connection.execute("UPDATE support_agents SET teams = $2 WHERE subject = $1", caller, list(teams))


async def _dead_letter(service: RunningService) -> str:
    poison = Record("order.status.changed", 0, uuid4().int >> 80, None, b"no JSON", (), datetime.now(UTC).timestamp())
    await service.worker.context.ingest([poison])
    newest = "SELECT dead_letter_id::text FROM dead_letters ORDER BY dead_letter_id DESC LIMIT 1"
    return str((await rows(service, newest))[0]["dead_letter_id"])


async def _webhook(service: RunningService) -> dict[str, str]:
    """A webhook that is sent nothing but what is asked for, to an address that is refused, and a delivery of it."""
    webhook_id, delivery_id = str(uuid4()), str(uuid4())
    async with service.api.database.connection() as connection:
        await connection.execute(
            "INSERT INTO support_webhooks (webhook_id, url, types, active, version, secret, from_position,"
            " created_by, created_at, updated_at) VALUES ($1, 'https://192.0.2.1/', '{none}', true, 1,"
            " 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 0, $1, now(), now())",
            webhook_id,
        )
        await connection.execute(
            "INSERT INTO support_webhook_deliveries (delivery_id, webhook_id, event_id, type, body, status, created_at)"
            " VALUES ($1, $2, $1, 'support.case.closed', '{}', 'DELIVERED', now())",
            delivery_id,
            webhook_id,
        )
    return {"webhook_id": webhook_id, "delivery_id": delivery_id}


async def everything_kept(service: RunningService) -> dict[str, str]:
    """A digest of every table's rows, but for the account of activity and when people were last seen."""
    tables = await rows(
        service,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname <> 'support_agent_activity' AND has_table_privilege(oid, 'SELECT')",
    )
    digests = " UNION ALL ".join(
        f"SELECT '{name}' AS name, md5(coalesce(string_agg(row, '' ORDER BY row), '')) AS digest"
        f" FROM (SELECT (to_jsonb(t) - 'last_seen_at')::text AS row FROM {name} AS t) AS rows"
        for name in (table["relname"] for table in tables)
    )
    return {row["name"]: row["digest"] for row in await rows(service, digests)}


async def recorded_since(service: RunningService, activity_id: int) -> list[dict[str, Any]]:
    """What was written down after this row, but for looks at cases."""
    return await rows(
        service,
        "SELECT activity_id, action, agent_id::text, ticket_id::text, detail, request_id FROM support_agent_activity"
        " WHERE action <> 'case.viewed' AND activity_id > $1 ORDER BY activity_id",
        activity_id,
    )
