"""All SQL of agents, teams and customers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from support_service.directory.model import Agent, Role
from support_service.kit.database import Tx
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
    teams: frozenset[str]


async def agent_as_known(connection: Tx, person: Person, seen_after: datetime) -> UUID | None:
    """The id of somebody who is recorded just as told and was seen after a moment; else None."""
    row = await connection.fetchrow(_SQL["agent_by_identity"], person.issuer, person.subject)
    if row is None or row["last_seen_at"] <= seen_after:
        return None
    known = Person(
        person.issuer, person.subject, row["name"], row["email"], _roles(row["roles"]), frozenset(row["teams"])
    )
    return row["agent_id"] if known == person else None


async def save_agent(tx: Tx, person: Person, at: datetime) -> UUID:
    """Record somebody as told, seen now, and the teams they name; returns their id, the same for ever."""
    if person.teams:
        await tx.execute(_SQL["learn_teams"], sorted(person.teams), at)
    agent_id: UUID = await tx.fetchval(
        _SQL["save_agent"],
        new_id(),
        person.issuer,
        person.subject,
        person.name,
        person.email,
        sorted(person.roles),
        sorted(person.teams),
        at,
    )
    return agent_id


async def agent(connection: Tx, agent_id: UUID) -> Agent | None:
    """Somebody as of their last sign-in."""
    row = await connection.fetchrow(_SQL["agent"], agent_id)
    if row is None:
        return None
    return Agent(row["agent_id"], row["name"], _roles(row["roles"]), frozenset(row["teams"]))


async def team_exists(connection: Tx, team: str) -> bool:
    """Whether anybody has ever come from this team."""
    return bool(await connection.fetchval(_SQL["team_exists"], team))


async def teams(connection: Tx) -> list[str]:
    """All of them."""
    return [row["team"] for row in await connection.fetch(_SQL["teams"])]


async def ensure_customer(tx: Sends, customer_id: str, at: datetime) -> None:
    """Record a customer, if there is none of this id."""
    await tx.execute(_SQL["ensure_customer"], customer_id, at)


async def lock_customers(tx: Tx, customer_ids: Collection[str]) -> list[str]:
    """Lock these customers' rows until the transaction ends; returns those there are, in order."""
    return [row["customer_id"] for row in await tx.fetch(_SQL["lock_customers"], list(customer_ids))]


async def raise_generations(tx: Tx, counts: Mapping[str, int]) -> dict[str, int]:
    """Add to the generations of customers whose rows are locked; returns the new ones."""
    rows = await tx.fetch(_SQL["raise_generations"], list(counts), list(counts.values()))
    return {row["customer_id"]: row["generation"] for row in rows}


async def generations(connection: Tx, customer_ids: Collection[str]) -> dict[str, int]:
    """The generations of those customers that are recorded."""
    rows = await connection.fetch(_SQL["generations"], list(customer_ids))
    return {row["customer_id"]: row["generation"] for row in rows}


def _roles(values: Collection[str]) -> frozenset[Role]:
    return frozenset(Role(value) for value in values if value in Role.__members__)
