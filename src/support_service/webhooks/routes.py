"""The routes of webhooks and their deliveries."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from support_service.directory import Action, Guard, Principal
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers
from support_service.kit.writes import IdempotencyKey, IfMatch, once_of, sent, version_of
from support_service.webhooks import schemas
from support_service.webhooks.deliveries import Deliveries
from support_service.webhooks.service import Webhooks


def create_webhook_routes(webhooks: Webhooks, deliveries: Deliveries, guard: Guard) -> APIRouter:
    """The routes of webhooks, behind the actions that their callers must be allowed."""
    router = APIRouter(prefix="/support/webhooks", tags=["webhooks"], route_class=Operation)
    _reading_routes(router, webhooks, guard)
    _changing_routes(router, webhooks, guard)
    _secret_routes(router, webhooks, guard)
    _delivery_routes(router, deliveries, guard)
    _replay_routes(router, deliveries, guard)
    return router


def _reading_routes(router: APIRouter, webhooks: Webhooks, guard: Guard) -> None:
    reader = Depends(guard.permit(Action.WEBHOOK_READ))

    @router.get("", responses=problem_answers(401, 403, 422, 503), dependencies=[reader])
    async def list_webhooks(query: Annotated[schemas.WebhookQuery, Query()]) -> schemas.WebhookPage:
        """The webhooks, newest first, without their secrets."""
        return await webhooks.page(query)

    @router.get(
        "/{webhook_id}",
        response_model=schemas.WebhookResponse,
        responses=problem_answers(401, 403, 404, 422, 503),
        dependencies=[reader],
    )
    async def read_webhook(webhook_id: UUID) -> Response:
        """A webhook, without its secret; its ETag is for If-Match."""
        return sent(await webhooks.read(webhook_id))


def _changing_routes(router: APIRouter, webhooks: Webhooks, guard: Guard) -> None:
    editor = Depends(guard.permit(Action.WEBHOOK_EDIT))

    @router.post(
        "",
        status_code=201,
        response_model=schemas.WebhookWithSecret,
        responses=problem_answers(400, 401, 403, 409, 413, 422, 503),
    )
    async def create_webhook(
        request: Request,
        new: schemas.WebhookCreate,
        idempotency_key: IdempotencyKey = None,
        principal: Principal = editor,
    ) -> Response:
        """Have what happens to cases posted to a URL. The secret that signs it is in this answer and in no other."""
        once = once_of(principal.principal_id, request, idempotency_key, new)
        return sent(await webhooks.create(principal, new, once))

    @router.patch(
        "/{webhook_id}",
        response_model=schemas.WebhookResponse,
        responses=problem_answers(400, 401, 403, 404, 412, 413, 422, 428, 503),
    )
    async def change_webhook(
        webhook_id: UUID, change: schemas.WebhookChange, if_match: IfMatch = None, principal: Principal = editor
    ) -> Response:
        """Change a webhook that has not changed since you read it; also switches it on and off."""
        return sent(await webhooks.change(principal, webhook_id, change, version=version_of(if_match)))

    @router.delete(
        "/{webhook_id}", status_code=204, response_class=Response, responses=problem_answers(401, 403, 404, 422, 503)
    )
    async def delete_webhook(webhook_id: UUID, principal: Principal = editor) -> Response:
        """End a webhook: nothing more is sent, and what is known of its deliveries is deleted."""
        await webhooks.delete(principal, webhook_id)
        return Response(status_code=204)


def _secret_routes(router: APIRouter, webhooks: Webhooks, guard: Guard) -> None:
    editor = Depends(guard.permit(Action.WEBHOOK_EDIT))

    @router.post(
        "/{webhook_id}/secret",
        response_model=schemas.WebhookWithSecret,
        responses=problem_answers(401, 403, 404, 409, 422, 503),
    )
    async def rotate_secret(
        request: Request, webhook_id: UUID, idempotency_key: IdempotencyKey = None, principal: Principal = editor
    ) -> Response:
        """Replace the secret. For 24 hours each event bears two signatures, one by the secret before."""
        return sent(
            await webhooks.rotate(principal, webhook_id, once_of(principal.principal_id, request, idempotency_key))
        )


def _delivery_routes(router: APIRouter, deliveries: Deliveries, guard: Guard) -> None:
    reader = Depends(guard.permit(Action.WEBHOOK_READ))
    editor = Depends(guard.permit(Action.WEBHOOK_EDIT))

    @router.post(
        "/{webhook_id}/test",
        status_code=202,
        response_model=schemas.DeliveryResponse,
        responses=problem_answers(401, 403, 404, 409, 422, 503),
    )
    async def test_webhook(
        request: Request, webhook_id: UUID, idempotency_key: IdempotencyKey = None, principal: Principal = editor
    ) -> Response:
        """Have a `support.webhook.test` event sent, once; what came of it is among the deliveries a moment later."""
        once = once_of(principal.principal_id, request, idempotency_key)
        return sent(await deliveries.test(principal, webhook_id, once))

    @router.get("/{webhook_id}/deliveries", responses=problem_answers(401, 403, 404, 422, 503), dependencies=[reader])
    async def list_deliveries(
        webhook_id: UUID, query: Annotated[schemas.DeliveryQuery, Query()]
    ) -> schemas.DeliveryPage:
        """What was sent, newest first, with each attempt. Deliveries are kept for 30 days."""
        return await deliveries.page(webhook_id, query)


def _replay_routes(router: APIRouter, deliveries: Deliveries, guard: Guard) -> None:
    editor = Depends(guard.permit(Action.WEBHOOK_EDIT))

    @router.post(
        "/{webhook_id}/deliveries/replay",
        status_code=202,
        response_model=schemas.ReplayResponse,
        responses=problem_answers(400, 401, 403, 404, 409, 413, 422, 503),
    )
    async def replay_failed(
        request: Request,
        webhook_id: UUID,
        wanted: schemas.ReplayRequest,
        idempotency_key: IdempotencyKey = None,
        principal: Principal = editor,
    ) -> Response:
        """Have what failed since a moment sent again, each under the `webhook-id` it had."""
        once = once_of(principal.principal_id, request, idempotency_key, wanted)
        return sent(await deliveries.replay_failed(principal, webhook_id, wanted, once))

    @router.post(
        "/{webhook_id}/deliveries/{delivery_id}/replay",
        status_code=202,
        response_model=schemas.DeliveryResponse,
        responses=problem_answers(401, 403, 404, 409, 422, 503),
    )
    async def replay_delivery(
        request: Request,
        webhook_id: UUID,
        delivery_id: UUID,
        idempotency_key: IdempotencyKey = None,
        principal: Principal = editor,
    ) -> Response:
        """Have a delivery sent again under the `webhook-id` it had, whatever became of it."""
        once = once_of(principal.principal_id, request, idempotency_key)
        return sent(await deliveries.replay(principal, webhook_id, delivery_id, once))
