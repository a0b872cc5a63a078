"""All SQL of agents, teams and customers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from support_service.directory.model import Agent, Role, Team
from support_service.kit.database import Row, Tx
from support_service.kit.ids import new_id
from support_service.kit.sql import load_queries
from support_service.kit.together import Sends

_SQL = load_queries("support_service.directory")


@dataclass(frozen=True, slots=True)
class Person:
    """What a token says of somebody, as `support_agents` keeps it."""

    issuer: str
    subject: str
    name: str | None
    email: str | None
    roles: frozenset[Role]
    teams: frozenset[str] | None
    """None: tokens do not tell them, the service keeps them itself."""


async def agent_as_known(connection: Tx, person: Person, seen_after: datetime) -> Agent | None:
    """Somebody who is recorded just as told and was seen after a moment; else None."""
    row = await connection.fetchrow(_SQL["agent_by_identity"], person.issuer, person.subject)
    if row is None or row["last_seen_at"] <= seen_after:
        return None
    roles, teams = _roles(row["roles"]), frozenset(row["teams"])
    told = None if person.teams is None else teams
    if Person(person.issuer, person.subject, row["name"], row["email"], roles, told) != person:
        return None
    return Agent(row["agent_id"], person.name, roles, teams)


async def save_agent(tx: Tx, person: Person, at: datetime) -> Agent:
    """Record somebody as told, seen now, and the teams they name; their id is the same for ever."""
    if person.teams:
        await tx.execute(_SQL["learn_teams"], sorted(person.teams), at)
    row = await tx.fetchrow(
        _SQL["save_agent"],
        new_id(),
        person.issuer,
        person.subject,
        person.name,
        person.email,
        sorted(person.roles),
        None if person.teams is None else sorted(person.teams),
        at,
    )
    assert row is not None  # noqa: S101 - INSERT ... RETURNING always answers
    return Agent(row["agent_id"], person.name, person.roles, frozenset(row["teams"]))


async def agent(connection: Tx, agent_id: UUID) -> Agent | None:
    """Somebody as of their last sign-in."""
    row = await connection.fetchrow(_SQL["agent"], agent_id)
    return None if row is None else _agent(row)


async def team_exists(connection: Tx, team: str) -> bool:
    """Whether a case can be given to this team; it can until the transaction ends."""
    return bool(await connection.fetchval(_SQL["team_exists"], team))


async def all_teams(connection: Tx) -> list[str]:
    """All of them, also those that are retired, as cases of theirs are still there."""
    return [row["team"] for row in await connection.fetch(_SQL["all_teams"])]


async def teams(connection: Tx, after: str, limit: int) -> list[Team]:
    """The next teams by their ids."""
    return [_team(row) for row in await connection.fetch(_SQL["teams"], after, limit)]


async def team(connection: Tx, team: str, *, query: Literal["team", "keep_team", "lock_team"] = "team") -> Team | None:
    """A team that is not retired; kept from being retired, or from anything, until the transaction ends."""
    row = await connection.fetchrow(_SQL[query], team)
    return None if row is None else _team(row)


async def make_team(tx: Tx, team: str, name: str, at: datetime) -> Team | None:
    """A new team, or a retired one anew; None when there is one of this id."""
    row = await tx.fetchrow(_SQL["make_team"], team, name, at)
    return None if row is None else _team(row)


async def rename_team(tx: Tx, team: str, name: str) -> Team:
    """Rename a team whose row is locked; its version grows by one."""
    row = await tx.fetchrow(_SQL["rename_team"], team, name)
    assert row is not None  # noqa: S101 - the row is locked by this transaction
    return _team(row)


async def retire_team(tx: Tx, team: str, at: datetime) -> None:
    """Retire a team whose row is locked; it has no members any more."""
    await tx.execute(_SQL["empty_team"], team)
    await tx.execute(_SQL["retire_team"], team, at)


async def members(connection: Tx, team: str, after: UUID, limit: int) -> list[Agent]:
    """The next members of a team by their ids."""
    return [_agent(row) for row in await connection.fetch(_SQL["members"], team, after, limit)]


async def lock_teams_of(tx: Tx, agent_id: UUID) -> frozenset[str] | None:
    """The teams of somebody whose row is then locked; None when there is nobody."""
    teams: list[str] | None = await tx.fetchval(_SQL["lock_teams_of"], agent_id)
    return None if teams is None else frozenset(teams)


async def set_teams_of(tx: Tx, agent_id: UUID, teams: Collection[str]) -> None:
    """Let somebody be a member of these teams and no other."""
    await tx.execute(_SQL["set_teams_of"], agent_id, sorted(teams))


async def ensure_customer(tx: Sends, customer_id: str, at: datetime) -> None:
    """Record a customer, if there is none of this id."""
    await tx.execute(_SQL["ensure_customer"], customer_id, at)


async def customer_since(connection: Tx, customer_id: str) -> datetime | None:
    """Since when a customer is recorded."""
    since: datetime | None = await connection.fetchval(_SQL["customer_since"], customer_id)
    return since


async def lock_customers(tx: Tx, customer_ids: Collection[str]) -> dict[str, int]:
    """Lock the rows of those customers that are recorded; returns their generations."""
    # As one text: the client needs half a microsecond for each element of an array. No id holds a control character.
    rows = await tx.fetch(_SQL["lock_customers"], "\x1f".join(customer_ids)) if customer_ids else []
    return {row["customer_id"]: row["generation"] for row in rows}


async def raise_generations(tx: Sends, generations: Mapping[str, int]) -> None:
    """Set the generations of customers, whose rows are locked."""
    await tx.execute(_SQL["raise_generations"], list(generations), dict(generations))


async def generations(connection: Tx, customer_ids: Collection[str]) -> dict[str, int]:
    """The generations of those customers that are recorded."""
    rows = await connection.fetch(_SQL["generations"], list(customer_ids))
    return {row["customer_id"]: row["generation"] for row in rows}


def _agent(row: Row) -> Agent:
    return Agent(row["agent_id"], row["name"], _roles(row["roles"]), frozenset(row["teams"]))


def _team(row: Row) -> Team:
    return Team(*row)


def _roles(values: Collection[str]) -> frozenset[Role]:
    return frozenset(Role(value) for value in values if value in Role.__members__)
