"""The routes of dead letters."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from support_service.context import schemas
from support_service.context.dead_letters import DeadLetters
from support_service.directory import Action, Guard, Principal
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers


def create_dead_letter_routes(letters: DeadLetters, guard: Guard) -> APIRouter:
    """The routes of dead letters, behind the actions that their callers must be allowed."""
    router = APIRouter(prefix="/support/dead-letters", tags=["dead letters"], route_class=Operation)
    reader = Depends(guard.permit(Action.DEAD_LETTER_READ))
    replayer = Depends(guard.permit(Action.DEAD_LETTER_REPLAY))

    @router.get("", responses=problem_answers(401, 403, 422, 503), dependencies=[reader])
    async def list_dead_letters(query: Annotated[schemas.DeadLetterQuery, Query()]) -> schemas.DeadLetterPage:
        """Messages that could not be used, oldest first."""
        return await letters.page(query)

    @router.get("/{dead_letter_id}", responses=problem_answers(401, 403, 404, 422, 503))
    async def read_dead_letter(dead_letter_id: UUID, principal: Principal = reader) -> schemas.DeadLetterDetail:
        """A message that could not be used, whole. Who read it is recorded."""
        return await letters.read(principal, dead_letter_id)

    @router.post("/{dead_letter_id}/replay", responses=problem_answers(401, 403, 404, 422, 503))
    async def replay_dead_letter(dead_letter_id: UUID, principal: Principal = replayer) -> schemas.DeadLetterReplay:
        """Take it in once more. It is a dead letter no more once it can be used; twice is once."""
        return await letters.replay(principal, dead_letter_id)

    return router
