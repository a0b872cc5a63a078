"""Dead letters for a supervisor: looked at and taken in once more, each time recorded before it is done."""

from uuid import UUID

from support_service.activity import record
from support_service.context import schemas
from support_service.context.errors import DeadLetterNotFound
from support_service.context.service import Context
from support_service.directory import Principal
from support_service.kit import deadletters
from support_service.kit.database import Database
from support_service.kit.deadletters import KeptLetter
from support_service.kit.paging import cut, id_in


class DeadLetters:
    """The use cases of dead letters."""

    def __init__(self, database: Database, context: Context) -> None:
        """Letters of this database, taken in by this context."""
        self._database = database
        self._context = context

    async def page(self, query: schemas.DeadLetterQuery) -> schemas.DeadLetterPage:
        """Dead letters, oldest first, without what they say."""
        after = None if query.cursor is None else id_in(query.cursor)
        async with self._database.connection() as connection:
            found = await deadletters.kept(connection, topic=query.topic, after=after, limit=query.limit + 1)
        shown, more = cut(found, query.limit, lambda one: one.dead_letter_id)
        return schemas.DeadLetterPage(items=tuple(map(schemas.DeadLetterItem.of, shown)), next_cursor=more)

    async def read(self, principal: Principal, dead_letter_id: UUID) -> schemas.DeadLetterDetail:
        """One dead letter whole; a message may hold what is a customer's.

        Raises:
            DeadLetterNotFound: there is none.
        """
        return schemas.DeadLetterDetail.of(await self._found(principal, dead_letter_id, "dead_letter.read"))

    async def replay(self, principal: Principal, dead_letter_id: UUID) -> schemas.DeadLetterReplay:
        """Take one in once more.

        Raises:
            DeadLetterNotFound: there is none.
        """
        kept = await self._found(principal, dead_letter_id, "dead_letter.replayed")
        reason = await self._context.replay(kept)
        return schemas.DeadLetterReplay(taken_in=reason is None, reason=reason)

    async def _found(self, principal: Principal, dead_letter_id: UUID, action: str) -> KeptLetter:
        async with self._database.transaction() as tx:
            kept = await deadletters.find(tx, dead_letter_id)
            if kept is None:
                raise DeadLetterNotFound
            detail = {"dead_letter_id": str(dead_letter_id)}
            await record(tx, agent_id=principal.principal_id, action=action, detail=detail)
        return kept
