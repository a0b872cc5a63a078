"""The routes of cases, messages, timelines and workload."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from support_service.desk import schemas
from support_service.desk.service import Desk
from support_service.directory import Action, Guard, Principal
from support_service.kit import logs
from support_service.kit.paging import PageQuery
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers
from support_service.kit.writes import IdempotencyKey, IfMatch, once_of, sent, version_of
from support_service.timeline import Served, TimelineResponse

IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match", description="The ETag you were given last: what you are shown is not older than that."
    ),
]
_KNOWN: dict[int | str, dict[str, Any]] = {304: {"description": "You were given this ETag, and it is still current"}}


def create_routes(desk: Desk, guard: Guard) -> APIRouter:
    """The desk's routes, each behind the action that its caller must be allowed."""
    router = APIRouter(prefix="/support", tags=["cases"], route_class=Operation)
    _case_routes(router, desk, guard)
    _conversation_routes(router, desk, guard)
    _timeline_routes(router, desk, guard)
    return router


def _allowed(guard: Guard, action: Action) -> Callable[..., Awaitable[Principal]]:
    """The dependency that yields a principal who may do this."""
    return guard.permit(action)


def _case_routes(router: APIRouter, desk: Desk, guard: Guard) -> None:
    opener = Depends(_allowed(guard, Action.CASE_OPEN))
    lister = Depends(_allowed(guard, Action.CASE_LIST))
    reader = Depends(_allowed(guard, Action.CASE_READ))
    editor = Depends(_allowed(guard, Action.CASE_EDIT))

    @router.post(
        "/cases",
        status_code=201,
        response_model=schemas.TicketResponse,
        responses=problem_answers(400, 401, 403, 409, 413, 422, 503),
    )
    async def open_case(
        request: Request,
        new: schemas.TicketCreate,
        idempotency_key: IdempotencyKey = None,
        principal: Principal = opener,
    ) -> Response:
        """Open a case on a customer and, if it is about one, on an order."""
        once = once_of(principal.principal_id, request, idempotency_key, new)
        return sent(await desk.open_case(principal, new, once))

    @router.get("/cases", responses=problem_answers(401, 403, 422, 503))
    async def list_cases(
        query: Annotated[schemas.CaseQuery, Query()], principal: Principal = lister
    ) -> schemas.TicketPage:
        """The newest cases you may see, narrowed as you wish."""
        return await desk.list_cases(principal, query)

    @router.get(
        "/cases/{ticket_id}",
        response_model=schemas.TicketDetail,
        responses=_KNOWN | problem_answers(401, 403, 404, 422, 503),
    )
    async def read_case(
        ticket_id: UUID,
        query: Annotated[schemas.CaseReadQuery, Query()],
        if_none_match: IfNoneMatch = None,
        principal: Principal = reader,
    ) -> Response:
        """A case and its conversation, current, and its timeline if wanted."""
        logs.bind(ticket_id=ticket_id)
        return _shown(
            await desk.read_case(
                principal, ticket_id, include_timeline=query.include_timeline, if_none_match=if_none_match
            )
        )

    @router.patch(
        "/cases/{ticket_id}",
        response_model=schemas.TicketResponse,
        responses=problem_answers(400, 401, 403, 404, 409, 412, 413, 422, 428, 503),
    )
    async def change_case(
        ticket_id: UUID, change: schemas.TicketChange, if_match: IfMatch = None, principal: Principal = editor
    ) -> Response:
        """Change fields of a case that has not changed since you read it."""
        logs.bind(ticket_id=ticket_id)
        return sent(await desk.change_case(principal, ticket_id, change, version=version_of(if_match)))


def _conversation_routes(router: APIRouter, desk: Desk, guard: Guard) -> None:
    reader = Depends(_allowed(guard, Action.CASE_READ))
    writer = Depends(_allowed(guard, Action.MESSAGE_AS_CUSTOMER))

    @router.post(
        "/cases/{ticket_id}/messages",
        status_code=201,
        response_model=schemas.ConversationMessage,
        responses=problem_answers(400, 401, 403, 404, 409, 413, 422, 503),
    )
    async def post_message(
        request: Request,
        ticket_id: UUID,
        new: schemas.MessageCreate,
        idempotency_key: IdempotencyKey = None,
        principal: Principal = writer,
    ) -> Response:
        """Say something in a case: to the customer, to colleagues, or in the customer's name."""
        logs.bind(ticket_id=ticket_id)
        once = once_of(principal.principal_id, request, idempotency_key, new)
        return sent(await desk.post_message(principal, ticket_id, new, once))

    @router.get("/cases/{ticket_id}/messages", responses=problem_answers(401, 403, 404, 422, 503))
    async def read_messages(
        ticket_id: UUID, page: Annotated[PageQuery, Query()], principal: Principal = reader
    ) -> schemas.MessagePage:
        """The messages of a case, newest first."""
        logs.bind(ticket_id=ticket_id)
        return await desk.read_messages(principal, ticket_id, page)


def _timeline_routes(router: APIRouter, desk: Desk, guard: Guard) -> None:
    reader = Depends(_allowed(guard, Action.TIMELINE_READ))
    overseer = Depends(_allowed(guard, Action.WORKLOAD_READ))

    @router.get(
        "/cases/{ticket_id}/timeline",
        response_model=TimelineResponse,
        tags=["timeline"],
        responses=_KNOWN | problem_answers(401, 403, 404, 422, 503),
    )
    async def read_timeline(
        ticket_id: UUID,
        page: Annotated[PageQuery, Query()],
        if_none_match: IfNoneMatch = None,
        principal: Principal = reader,
    ) -> Response:
        """One merged timeline of the case's order, payment, shipment, fraud and feedback facts, newest first."""
        logs.bind(ticket_id=ticket_id)
        return _shown(await desk.read_timeline(principal, ticket_id, page, if_none_match=if_none_match))

    @router.get("/agents/{agent_id}/workload", tags=["agents"], responses=problem_answers(401, 403, 404, 422, 503))
    async def workload(agent_id: UUID, principal: Principal = overseer) -> schemas.WorkloadResponse:
        """What lies with an agent now."""
        return await desk.workload(principal, agent_id)

    @router.get("/agents/me", tags=["agents"], responses=problem_answers(401, 403, 503))
    async def me(principal: Principal = overseer) -> schemas.AgentResponse:
        """Who you are here."""
        return schemas.AgentResponse.of(principal)


def _shown(served: Served) -> Response:
    return Response(served.body, served.status, dict(served.headers))
