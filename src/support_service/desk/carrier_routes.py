"""The routes of deliveries."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from support_service.desk import carrier_schemas as schemas
from support_service.desk.carriers import Carriers
from support_service.directory import Action, Guard, Principal
from support_service.kit import logs
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers


def create_carrier_routes(carriers: Carriers, guard: Guard) -> APIRouter:
    """The routes of who brings replies to customers, each behind the action that its caller must be allowed."""
    router = APIRouter(prefix="/support", tags=["deliveries"], route_class=Operation)
    reader = Depends(guard.permit(Action.DELIVERY_READ))
    reporter = Depends(guard.permit(Action.DELIVERY_REPORT))

    @router.get("/deliveries", responses=problem_answers(401, 403, 422, 503))
    async def list_deliveries(
        query: Annotated[schemas.DeliveryQuery, Query()], principal: Principal = reader
    ) -> schemas.ReplyDeliveryPage:
        """The replies that wait for you to bring them to the customer, or that you have: of the cases you opened."""
        return await carriers.deliveries(principal, query)

    @router.put(
        "/cases/{ticket_id}/messages/{conversation_id}/delivery",
        responses=problem_answers(400, 401, 403, 404, 413, 422, 503),
    )
    async def report_delivery(
        ticket_id: UUID, conversation_id: UUID, report: schemas.DeliveryReport, principal: Principal = reporter
    ) -> schemas.ReportedDelivery:
        """Say what became of a reply; again, late and in any order as it comes. The answer is how it stands now."""
        logs.bind(ticket_id=ticket_id)
        return await carriers.report(principal, ticket_id, conversation_id, report)

    return router
