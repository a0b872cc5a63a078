"""The routes of attachments."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from support_service.attachments import schemas
from support_service.attachments.service import Attachments
from support_service.directory import Action, Guard, Principal
from support_service.kit import logs
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers
from support_service.kit.writes import IdempotencyKey, once_of, sent


def create_attachment_routes(attachments: Attachments, guard: Guard) -> APIRouter:
    """The routes of a case's files, each behind the action that its caller must be allowed."""
    router = APIRouter(prefix="/support/cases/{ticket_id}/attachments", tags=["attachments"], route_class=Operation)
    _adding_routes(router, attachments, guard)
    _reading_routes(router, attachments, guard)
    return router


def _adding_routes(router: APIRouter, attachments: Attachments, guard: Guard) -> None:
    adder = Depends(guard.permit(Action.ATTACHMENT_ADD))

    @router.post(
        "",
        status_code=201,
        response_model=schemas.AttachmentRequested,
        responses=problem_answers(400, 401, 403, 404, 409, 413, 422, 503),
    )
    async def request_attachment(
        request: Request,
        ticket_id: UUID,
        new: schemas.AttachmentCreate,
        idempotency_key: IdempotencyKey = None,
        principal: Principal = adder,
    ) -> Response:
        """Ask for a file to be uploaded to a case. Post the form that you are given, then `complete`, then a message."""
        logs.bind(ticket_id=ticket_id)
        once = once_of(principal.principal_id, request, idempotency_key, new)
        return sent(await attachments.request(principal, ticket_id, new, once))

    @router.post("/{attachment_id}/complete", responses=problem_answers(401, 403, 404, 409, 422, 503))
    async def complete_attachment(
        ticket_id: UUID, attachment_id: UUID, principal: Principal = adder
    ) -> schemas.AttachmentResponse:
        """Have what was uploaded checked: then it is `ready`, or `rejected`. Again it gives the same."""
        logs.bind(ticket_id=ticket_id)
        return await attachments.complete(principal, ticket_id, attachment_id)


def _reading_routes(router: APIRouter, attachments: Attachments, guard: Guard) -> None:
    reader = Depends(guard.permit(Action.ATTACHMENT_READ))

    @router.get("/{attachment_id}", responses=problem_answers(401, 403, 404, 422, 503))
    async def read_attachment(
        ticket_id: UUID, attachment_id: UUID, principal: Principal = reader
    ) -> schemas.AttachmentDetail:
        """A file, and an address to fetch it from for a minute, to be saved and never shown; recorded."""
        logs.bind(ticket_id=ticket_id)
        return await attachments.read(principal, ticket_id, attachment_id)
