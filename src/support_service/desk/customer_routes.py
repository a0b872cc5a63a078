"""The routes of customers and related cases."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from support_service.desk.customer_schemas import CustomerResponse, RelatedCases
from support_service.desk.customers import Customers
from support_service.desk.schemas import Identifier
from support_service.directory import Action, Guard, Principal
from support_service.kit import logs
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers

_REFUSED = problem_answers(401, 403, 404, 422, 503)


def create_customer_routes(customers: Customers, guard: Guard) -> APIRouter:
    """These routes, each behind the action that its caller must be allowed."""
    router = APIRouter(prefix="/support", route_class=Operation)
    reader = Depends(guard.permit(Action.CASE_READ))
    knower = Depends(guard.permit(Action.CUSTOMER_READ))

    @router.get("/cases/{ticket_id}/related", tags=["cases"], responses=_REFUSED)
    async def related_cases(ticket_id: UUID, principal: Principal = reader) -> RelatedCases:
        """The other cases you see on the order of a case: whether the customer came about it before."""
        logs.bind(ticket_id=ticket_id)
        return await customers.related(principal, ticket_id)

    @router.get("/customers/{customer_id}", tags=["customers"], response_model=CustomerResponse, responses=_REFUSED)
    async def read_customer(customer_id: Annotated[Identifier, Path()], principal: Principal = knower) -> Response:
        """A customer of whom you see a case: their cases, orders and timeline. That you looked is recorded."""
        served = await customers.read(principal, customer_id)
        return Response(served.body, served.status, dict(served.headers))

    return router
