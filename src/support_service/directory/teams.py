"""Teams and their members: read by whoever works with cases, changed by a supervisor where the service keeps them.

There is one source of truth. Either tokens tell who is in which team, and what is known here is what they told last; or the
service keeps it, and what tokens tell is not heard. Each change is recorded in the transaction that makes it, and counts for
every request once the principal that was remembered with its token expires (`guard.REMEMBERED`).
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from uuid import UUID

from support_service.activity import record
from support_service.directory import errors, schemas, store
from support_service.directory.model import Principal, Team
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.idempotency import Answer
from support_service.kit.paging import PageQuery, cut, decode_cursor, id_in
from support_service.kit.writes import Once, etag_of, run_once

MOST_TEAMS = 100
"""Of one member, as in a token."""

_PATH = "/support/teams"
_NOBODY = UUID(int=0)
Unfinished = Callable[[Tx, str], Awaitable[bool]]
"""Whether unfinished cases lie with a team."""


class Teams:
    """The use cases of teams."""

    def __init__(self, database: Database, clock: Clock, *, kept_here: bool, unfinished: Unfinished) -> None:
        """Teams of this database, which are changed here if they are kept here."""
        self._database = database
        self._clock = clock
        self._kept_here = kept_here
        self._unfinished = unfinished

    async def page(self, query: PageQuery) -> schemas.TeamPage:
        """Teams, by their ids."""
        after = "" if query.cursor is None else str(decode_cursor(query.cursor, (str,))[0])
        async with self._database.connection() as connection:
            found = await store.teams(connection, after, query.limit + 1)
        shown, more = cut(found, query.limit, lambda one: one.team)
        items = tuple(map(schemas.TeamResponse.of, shown))
        return schemas.TeamPage(items=items, kept_here=self._kept_here, next_cursor=more)

    async def read(self, team: str) -> Answer:
        """One team.

        Raises:
            TeamNotFound: there is none.
        """
        async with self._database.connection() as connection:
            return _answer(_there(await store.team(connection, team)))

    async def members(self, team: str, query: PageQuery) -> schemas.MemberPage:
        """Who is in a team, by their ids.

        Raises:
            TeamNotFound: there is none.
        """
        after = _NOBODY if query.cursor is None else id_in(query.cursor)
        async with self._database.connection() as connection:
            _there(await store.team(connection, team))
            found = await store.members(connection, team, after, query.limit + 1)
        shown, more = cut(found, query.limit, lambda one: one.agent_id)
        return schemas.MemberPage(items=tuple(map(schemas.MemberResponse.of, shown)), next_cursor=more)

    async def make(self, principal: Principal, new: schemas.TeamCreate, once: Once | None) -> Answer:
        """Make a team: 201 with it.

        Raises:
            TeamsFromTokens: teams are not changed here.
            TeamIdNeeded: no id is given, and none can be made of the name.
            TeamExists: there is one of this id.
        """
        self._must_be_kept_here()
        team = new.id
        if team is None:
            raise errors.TeamIdNeeded

        async def effect(tx: Tx) -> tuple[Answer, Callable[[], None]]:
            made = await store.make_team(tx, team, new.name, self._clock.now())
            if made is None:
                raise errors.TeamExists
            await _note(tx, principal, "team.made", team)
            answer = _answer(made)
            return Answer(201, answer.headers | {"location": f"{_PATH}/{team}"}, answer.body), lambda: None

        return await run_once(self._database, self._clock, once, effect)

    async def rename(self, principal: Principal, team: str, change: schemas.TeamChange, *, version: int) -> Answer:
        """Give a team that is at this version another name; its id stays.

        Raises:
            TeamsFromTokens: teams are not changed here.
            TeamNotFound: there is none.
            TeamChanged: it is not at this version any more.
        """
        self._must_be_kept_here()
        async with self._database.transaction() as tx:
            known = _there(await store.team(tx, team, query="lock_team"))
            if known.version != version:
                raise errors.TeamChanged(version=known.version)
            if known.name == change.name:
                return _answer(known)
            renamed = await store.rename_team(tx, team, change.name)
            await _note(tx, principal, "team.renamed", team)
        return _answer(renamed)

    async def retire(self, principal: Principal, team: str) -> None:
        """End a team: it has no members and gets no cases any more; those it finished keep its id.

        Raises:
            TeamsFromTokens: teams are not changed here.
            TeamNotFound: there is none.
            TeamHasCases: cases lie with it that are not finished.
        """
        self._must_be_kept_here()
        async with self._database.transaction() as tx:
            _there(await store.team(tx, team, query="lock_team"))
            if await self._unfinished(tx, team):
                raise errors.TeamHasCases
            await store.retire_team(tx, team, self._clock.now())
            await _note(tx, principal, "team.retired", team)

    async def add(self, principal: Principal, team: str, agent_id: UUID) -> None:
        """Make somebody a member; who is one stays one.

        Raises:
            TeamsFromTokens: teams are not changed here.
            TeamNotFound: there is no such team.
            MemberNotFound: there is nobody.
            TooManyTeams: they are in as many as can be.
        """
        self._must_be_kept_here()
        async with self._database.transaction() as tx:
            of_theirs = await _teams_of(tx, team, agent_id)
            if team in of_theirs:
                return
            if len(of_theirs) >= MOST_TEAMS:
                raise errors.TooManyTeams(most=MOST_TEAMS)
            await store.set_teams_of(tx, agent_id, of_theirs | {team})
            await _note(tx, principal, "team.member.added", team, member=str(agent_id))

    async def remove(self, principal: Principal, team: str, agent_id: UUID) -> None:
        """Make somebody no member; who is none stays none. The cases they hold stay theirs.

        Raises:
            TeamsFromTokens: teams are not changed here.
            TeamNotFound: there is no such team.
            MemberNotFound: there is nobody.
        """
        self._must_be_kept_here()
        async with self._database.transaction() as tx:
            of_theirs = await _teams_of(tx, team, agent_id)
            if team in of_theirs:
                await store.set_teams_of(tx, agent_id, of_theirs - {team})
                await _note(tx, principal, "team.member.removed", team, member=str(agent_id))

    def _must_be_kept_here(self) -> None:
        if not self._kept_here:
            raise errors.TeamsFromTokens


def _there(team: Team | None) -> Team:
    if team is None:
        raise errors.TeamNotFound
    return team


async def _teams_of(tx: Tx, team: str, agent_id: UUID) -> frozenset[str]:
    """The teams of somebody, who is locked, to be changed by a team, which is not retired meanwhile."""
    _there(await store.team(tx, team, query="keep_team"))
    of_theirs = await store.lock_teams_of(tx, agent_id)
    if of_theirs is None:
        raise errors.MemberNotFound
    return of_theirs


def _answer(team: Team) -> Answer:
    body = schemas.TeamResponse.of(team).model_dump_json().encode()
    return Answer(200, {"etag": etag_of(team.version)}, body)


async def _note(tx: Tx, principal: Principal, action: str, team: str, **detail: object) -> None:
    """Record it; a team that a token named before may have a name that is no code, which is then told by its hash."""
    code = team if team.isascii() and team.replace("-", "").isalnum() else sha256(team.encode()).hexdigest()
    await record(tx, agent_id=principal.principal_id, action=action, detail={"team": code, **detail})
