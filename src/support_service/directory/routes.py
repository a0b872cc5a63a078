"""The routes of teams and their members."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from support_service.directory import schemas
from support_service.directory.access import Action
from support_service.directory.guard import Guard
from support_service.directory.model import Principal
from support_service.directory.teams import Teams
from support_service.kit.paging import PageQuery
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers
from support_service.kit.writes import IdempotencyKey, IfMatch, once_of, sent, version_of

_Team = Annotated[schemas.TeamId, Path(description="The team's id.")]
_CHANGED = problem_answers(401, 403, 404, 409, 422, 503)


def create_team_routes(teams: Teams, guard: Guard) -> APIRouter:
    """The routes of teams, behind the actions that their callers must be allowed."""
    router = APIRouter(prefix="/support/teams", tags=["teams"], route_class=Operation)
    _reading_routes(router, teams, guard)
    _changing_routes(router, teams, guard)
    _member_routes(router, teams, guard)
    return router


def _reading_routes(router: APIRouter, teams: Teams, guard: Guard) -> None:
    reader = Depends(guard.permit(Action.TEAM_READ))

    @router.get("", responses=problem_answers(401, 403, 422, 503), dependencies=[reader])
    async def list_teams(query: Annotated[PageQuery, Query()]) -> schemas.TeamPage:
        """The teams that cases can be given to."""
        return await teams.page(query)

    @router.get(
        "/{team}",
        response_model=schemas.TeamResponse,
        responses=problem_answers(401, 403, 404, 422, 503),
        dependencies=[reader],
    )
    async def read_team(team: _Team) -> Response:
        """A team; its ETag is for If-Match."""
        return sent(await teams.read(team))

    @router.get("/{team}/members", responses=problem_answers(401, 403, 404, 422, 503), dependencies=[reader])
    async def list_members(team: _Team, query: Annotated[PageQuery, Query()]) -> schemas.MemberPage:
        """Who is in a team, of those who have ever signed in."""
        return await teams.members(team, query)


def _changing_routes(router: APIRouter, teams: Teams, guard: Guard) -> None:
    editor = Depends(guard.permit(Action.TEAM_EDIT))

    @router.post(
        "",
        status_code=201,
        response_model=schemas.TeamResponse,
        responses=problem_answers(400, 401, 403, 409, 413, 422, 503),
    )
    async def make_team(
        request: Request, new: schemas.TeamCreate, idempotency_key: IdempotencyKey = None, principal: Principal = editor
    ) -> Response:
        """Make a team, where the service keeps them (TEAMS_FROM=service)."""
        return sent(await teams.make(principal, new, once_of(principal.principal_id, request, idempotency_key, new)))

    @router.patch(
        "/{team}",
        response_model=schemas.TeamResponse,
        responses=problem_answers(400, 401, 403, 404, 409, 412, 413, 422, 428, 503),
    )
    async def rename_team(
        team: _Team, change: schemas.TeamChange, if_match: IfMatch = None, principal: Principal = editor
    ) -> Response:
        """Give a team that has not changed since you read it another name; its id stays."""
        return sent(await teams.rename(principal, team, change, version=version_of(if_match)))

    @router.delete("/{team}", status_code=204, response_class=Response, responses=_CHANGED)
    async def retire_team(team: _Team, principal: Principal = editor) -> Response:
        """End a team: refused while unfinished cases lie with it; then it has no members and is given nothing any more."""
        await teams.retire(principal, team)
        return Response(status_code=204)


def _member_routes(router: APIRouter, teams: Teams, guard: Guard) -> None:
    editor = Depends(guard.permit(Action.TEAM_EDIT))

    @router.put("/{team}/members/{agent_id}", status_code=204, response_class=Response, responses=_CHANGED)
    async def add_member(team: _Team, agent_id: UUID, principal: Principal = editor) -> Response:
        """Make somebody a member; within 30 s every request of theirs knows it."""
        await teams.add(principal, team, agent_id)
        return Response(status_code=204)

    @router.delete("/{team}/members/{agent_id}", status_code=204, response_class=Response, responses=_CHANGED)
    async def remove_member(team: _Team, agent_id: UUID, principal: Principal = editor) -> Response:
        """Make somebody no member; within 30 s they see the team's cases no more."""
        await teams.remove(principal, team, agent_id)
        return Response(status_code=204)
