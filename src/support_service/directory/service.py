"""The use cases of the directory: signing in, looking up agents and teams, and the generations of customers."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from support_service.directory import store
from support_service.directory.claims import ClaimPaths, roles_in, teams_in
from support_service.directory.errors import RoleMissing
from support_service.directory.model import Agent, Principal
from support_service.directory.store import Person
from support_service.kit import logs
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.together import Sends
from support_service.ports.identity import VerifiedClaims

_SEEN_EVERY = timedelta(minutes=1)
_log = logs.get_logger(__name__)


class Directory:
    """People, machine clients, teams, and the customers whose truth moves."""

    def __init__(self, clock: Clock, *, claims: ClaimPaths, keeps_teams: bool = False) -> None:
        """Say where tokens tell roles and teams, and whether the service keeps teams itself, whatever tokens tell."""
        self._clock = clock
        self._claims = claims
        self._keeps_teams = keeps_teams

    async def sign_in(self, database: Database, told: VerifiedClaims) -> Principal:
        """The principal of verified claims, recorded at the first time and when something about them changes.

        Raises:
            RoleMissing: no role of this service; nothing is recorded, as an issuer may know the whole world.
        """
        roles = roles_in(told.claims, self._claims.roles)
        if not roles:
            _log.warning("sign_in.no_role")
            raise RoleMissing
        teams = None if self._keeps_teams else teams_in(told.claims, self._claims.teams)
        person = Person(told.issuer, told.subject, told.name, told.email, roles, teams)
        now = self._clock.now()
        async with database.connection() as connection:
            agent = await store.agent_as_known(connection, person, now - _SEEN_EVERY)
        if agent is None:
            async with database.transaction() as tx:
                agent = await store.save_agent(tx, person, now)
        return Principal(agent.agent_id, told.issuer, told.subject, told.name, roles, agent.teams)

    async def agent(self, connection: Tx, agent_id: UUID) -> Agent | None:
        """Somebody who has signed in, as of the last time."""
        return await store.agent(connection, agent_id)

    async def team_exists(self, connection: Tx, team: str) -> bool:
        """Whether there is this team: from the first sign-in of a member, or as long as the service keeps it."""
        return await store.team_exists(connection, team)

    async def teams(self, connection: Tx) -> list[str]:
        """All teams that there ever were."""
        return await store.all_teams(connection)

    async def ensure_customer(self, tx: Sends, customer_id: str) -> None:
        """Record a customer of whom a case tells, at generation 0, if there is none of this id."""
        await store.ensure_customer(tx, customer_id, self._clock.now())

    async def customer_since(self, connection: Tx, customer_id: str) -> datetime | None:
        """Since when a customer is recorded; None for one who is not."""
        return await store.customer_since(connection, customer_id)

    async def lock_customers(self, tx: Tx, customer_ids: Collection[str]) -> dict[str, int]:
        """Let no other transaction tell of these customers until this one ends.

        Returns:
            The generation of each that is recorded; the others are passed over.
        """
        return await store.lock_customers(tx, customer_ids)

    async def raise_generations(self, tx: Sends, generations: Mapping[str, int]) -> None:
        """Set customers' generations, whose rows this transaction has locked, to these higher ones."""
        await store.raise_generations(tx, generations)

    async def generations(self, connection: Tx, customer_ids: Collection[str]) -> dict[str, int]:
        """How much has become known of each customer, as a number that grows; 0 for one who is not recorded."""
        return dict.fromkeys(customer_ids, 0) | await store.generations(connection, customer_ids)
