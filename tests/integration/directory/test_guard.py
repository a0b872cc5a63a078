"""The guard: tokens to principals, remembered a little while; refusals that are recorded before they are answered."""

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, FastAPI

from support.clocks import HandClock
from support_service.activity import Denials
from support_service.directory import Action, ClaimPaths, Directory, Guard, Principal, Role
from support_service.directory.errors import RoleMissing, SignInUnavailable, TokenInvalid, TokenMissing
from support_service.kit.database import Database
from support_service.kit.rates import Limits, Rates
from support_service.kit.web import install_problem_handlers
from support_service.ports.identity import IdentityUnavailable, InvalidToken, VerifiedClaims

START = HandClock().now()


@dataclass
class Provider:
    """An identity provider whose tokens are names of entries in a table."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    verified: int = 0
    away: bool = False

    async def verify(self, token: str) -> VerifiedClaims:
        self.verified += 1
        if self.away:
            raise IdentityUnavailable
        if token not in self.known:
            raise InvalidToken("signature")
        told = self.known[token]
        expires_at = told.get("exp", START + timedelta(hours=1))
        return VerifiedClaims("https://id.example", told["sub"], told.get("name"), told.get("email"), expires_at, told)

    async def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
def provider() -> Provider:
    agent = {"sub": "linh", "name": "Linh", "email": "linh@example.com", "roles": ["AGENT"], "teams": ["orders"]}
    analyst = {"sub": "duc", "roles": ["ANALYST"]}
    return Provider({"agent": agent, "analyst": analyst, "nobody": {"sub": "passer-by", "roles": ["customer"]}})


@pytest.fixture
def guard(database: Database, provider: Provider, clock: HandClock) -> Guard:
    directory = Directory(clock, claims=ClaimPaths("roles", "teams"))
    limits = Limits(Rates(), clock.monotonic)
    return Guard(database, provider, directory, Denials(database), clock, limits=limits)


async def rows(database: Database, table: str) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY 1")]


async def test_the_first_sign_in_records_the_person_and_their_teams(guard: Guard, database: Database) -> None:
    principal = await guard.principal("Bearer agent")
    assert principal.roles == {Role.AGENT}
    assert principal.teams == {"orders"}
    [agent] = await rows(database, "support_agents")
    assert agent["agent_id"] == principal.principal_id
    assert (agent["name"], agent["email"], agent["roles"]) == ("Linh", "linh@example.com", ["AGENT"])
    assert [team["team"] for team in await rows(database, "support_teams")] == ["orders"]


async def test_a_hundred_first_requests_at_once_record_one_person(guard: Guard, database: Database) -> None:
    principals = await asyncio.gather(*(guard.principal("Bearer agent") for _ in range(100)))
    assert len({principal.principal_id for principal in principals}) == 1
    assert len(await rows(database, "support_agents")) == 1


async def test_a_verified_token_is_believed_for_thirty_seconds(
    guard: Guard, provider: Provider, clock: HandClock
) -> None:
    await guard.principal("Bearer agent")
    clock.go_on(29)
    await guard.principal("bearer  agent")
    assert provider.verified == 1
    clock.go_on(1)
    await guard.principal("Bearer agent")
    assert provider.verified == 2


async def test_a_remembered_token_is_not_believed_under_another_scheme(guard: Guard) -> None:
    await guard.principal("Bearer agent")
    for header in ("Basic agent", "Token agent", "agent", "Digest agent", "Bearer:agent", "Bearer\tagent"):
        assert guard.remembered(header) is None
        with pytest.raises(TokenMissing):
            await guard.principal(header)


async def test_a_token_is_not_believed_past_its_end(guard: Guard, provider: Provider, clock: HandClock) -> None:
    provider.known["agent"]["exp"] = START + timedelta(seconds=5)
    await guard.principal("Bearer agent")
    clock.go_on(5)
    del provider.known["agent"]
    with pytest.raises(TokenInvalid):
        await guard.principal("Bearer agent")


async def test_the_hot_road_is_given_nobody_whose_token_is_over_or_was_taken_back(
    guard: Guard, provider: Provider, clock: HandClock
) -> None:
    assert guard.remembered("Bearer agent") is None
    assert await guard.returning("Bearer agent") is None
    assert provider.verified == 0, "who never was here is the router's"
    provider.known["agent"]["exp"] = START + timedelta(seconds=5)
    who = await guard.principal("Bearer agent")
    assert guard.remembered("Bearer agent") is who
    clock.go_on(5)
    assert guard.remembered("Bearer agent") is None
    del provider.known["agent"]
    assert await guard.returning("Bearer agent") is None


async def test_a_token_that_was_refused_is_not_remembered_as_anybodys(guard: Guard, provider: Provider) -> None:
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            await guard.principal("Bearer later")
    provider.known["later"] = provider.known["analyst"]
    assert (await guard.principal("Bearer later")).roles == {Role.ANALYST}
    for like in ("late", "later.", "laterr", "Later", "LATER"):
        assert guard.remembered(f"Bearer {like}") is None
        with pytest.raises(TokenInvalid):
            await guard.principal(f"Bearer {like}")


async def test_a_person_whose_roles_changed_is_recorded_anew_under_the_same_id(
    guard: Guard, provider: Provider, database: Database
) -> None:
    before = await guard.principal("Bearer agent")
    provider.known["newer"] = provider.known["agent"] | {"roles": ["SUPERVISOR"], "teams": ["orders", "payments"]}
    after = await guard.principal("Bearer newer")
    assert after.principal_id == before.principal_id
    [agent] = await rows(database, "support_agents")
    assert (agent["roles"], agent["teams"]) == (["SUPERVISOR"], ["orders", "payments"])


async def test_when_somebody_was_last_seen_is_written_at_most_once_a_minute(
    guard: Guard, database: Database, clock: HandClock
) -> None:
    await guard.principal("Bearer agent")
    clock.go_on(59)
    await guard.principal("Bearer agent")
    assert (await rows(database, "support_agents"))[0]["last_seen_at"] == START
    clock.go_on(31)
    await guard.principal("Bearer agent")
    assert (await rows(database, "support_agents"))[0]["last_seen_at"] == START + timedelta(seconds=90)


async def test_the_same_subject_of_another_issuer_is_another_person(
    guard: Guard, provider: Provider, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await guard.principal("Bearer agent")
    told = await provider.verify("agent")

    async def elsewhere(token: str) -> VerifiedClaims:
        return VerifiedClaims("https://other.example", told.subject, None, None, told.expires_at, told.claims)

    monkeypatch.setattr(provider, "verify", elsewhere)
    second = await guard.principal("Bearer other")
    assert first.principal_id != second.principal_id


async def test_a_token_without_a_role_is_refused_and_nobody_is_recorded(guard: Guard, database: Database) -> None:
    with pytest.raises(RoleMissing):
        await guard.principal("Bearer nobody")
    assert await rows(database, "support_agents") == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic agent",
        "agent",
        "Bearer a b",
        "Bearer é",
        "Bearer agent\xa0",
        "\xa0Bearer agent",
        "Bearer\xa0agent",
        "Bearer agent\x85",
    ],
)
async def test_without_a_bearer_token_one_is_asked_for(guard: Guard, header: str | None) -> None:
    with pytest.raises(TokenMissing) as refused:
        await guard.principal(header)
    assert refused.value.headers == {"www-authenticate": "Bearer"}


async def test_while_keys_cannot_be_had_the_answer_is_503_but_remembered_tokens_go_on(
    guard: Guard, provider: Provider
) -> None:
    await guard.principal("Bearer agent")
    provider.away = True
    await guard.principal("Bearer agent")
    with pytest.raises(SignInUnavailable) as refused:
        await guard.principal("Bearer analyst")
    assert refused.value.status == 503


async def test_what_is_remembered_is_bounded(guard: Guard, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support_service.directory.guard._MOST_REMEMBERED", 3)
    for n in range(9):
        provider.known[f"t{n}"] = provider.known["agent"]
        await guard.principal(f"Bearer t{n}")
    assert len(guard._remembered) == 3
    assert provider.verified == 9
    await guard.principal("Bearer t8")
    assert provider.verified == 9


def application(guard: Guard) -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    editor = Depends(guard.permit(Action.CASE_EDIT))

    @app.patch("/cases/{ticket_id}")
    async def edit(ticket_id: UUID, principal: Principal = editor) -> dict[str, str]:
        return {"agent_id": str(principal.principal_id)}

    return app


def test_the_openapi_document_says_that_a_token_is_needed(guard: Guard) -> None:
    document = application(guard).openapi()
    assert document["paths"]["/cases/{ticket_id}"]["patch"]["security"] == [{"accessToken": []}]
    assert document["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"


async def ask(app: FastAPI, path: str, token: str | None) -> tuple[int, dict[str, str], dict[str, Any]]:
    """PATCH a path in this event loop; status, headers and body of the answer."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "PATCH", "path": path, "query_string": b"", "headers": headers}
    await app(scope | {"http_version": "1.1", "scheme": "http", "server": ("test", 80)}, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, json.loads(b"".join(part["body"] for part in sent[1:]))


async def test_a_role_that_may_is_let_through_as_who_they_are(guard: Guard) -> None:
    status, _, body = await ask(application(guard), f"/cases/{uuid4()}", "agent")
    assert status == 200
    assert UUID(body["agent_id"]) == (await guard.principal("Bearer agent")).principal_id


async def test_without_a_valid_token_the_answer_is_a_401_problem_with_a_challenge(guard: Guard) -> None:
    app = application(guard)
    status, headers, body = await ask(app, f"/cases/{uuid4()}", None)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert body["type"] == "urn:support-service:problem:token-missing"
    status, headers, body = await ask(app, f"/cases/{uuid4()}", "forged")
    assert (status, headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert (body["type"], body["reason"]) == ("urn:support-service:problem:token-invalid", "signature")


async def test_a_role_that_may_not_is_answered_403_and_that_is_on_record(guard: Guard, database: Database) -> None:
    ticket_id = uuid4()
    status, _, body = await ask(application(guard), f"/cases/{ticket_id}", "analyst")
    assert (status, body["type"]) == (403, "urn:support-service:problem:role-not-allowed")
    [row] = await rows(database, "support_agent_activity")
    assert (row["action"], row["ticket_id"], row["detail"]) == ("role.refused", ticket_id, {"needed": "case.edit"})


async def test_a_refusal_that_cannot_be_recorded_is_not_answered_as_one(
    guard: Guard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await guard.principal("Bearer analyst")
    await database.close()
    status, _, _ = await ask(application(guard), f"/cases/{uuid4()}", "analyst")
    assert status == 503
