"""The route of the stream."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from support_service.directory import Action, Guard, Principal
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers
from support_service.stream.service import Stream

_DESCRIPTION = (
    "Events `case.created`, `case.changed`, `message.posted` and `timeline.moved` of the cases you see, each with the"
    " `ticket_ids` it is about, ids and codes only. `gap`: there was more than is told; ask for what you show anew."
)

_STREAM: dict[int | str, dict[str, Any]] = {200: {"description": _DESCRIPTION}}

LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="The id of the last event you got: you are told all since.")
]


class EventStream(StreamingResponse):
    """Server-Sent Events for as long as somebody listens; the listening ends with the answer, however that ends."""

    media_type = "text/event-stream"

    def __init__(self, listening: AbstractAsyncContextManager[AsyncIterator[bytes]]) -> None:
        """Send what is heard; no proxy may gather it."""
        super().__init__((), headers={"x-accel-buffering": "no"})
        self._listening = listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        async with self._listening as chunks:
            self.body_iterator = chunks
            await super().__call__(scope, receive, send)


def create_stream_routes(stream: Stream, guard: Guard) -> APIRouter:
    """The stream's route, behind the action that its caller must be allowed."""
    router = APIRouter(prefix="/support", tags=["stream"], route_class=Operation)
    listener = Depends(guard.permit(Action.STREAM_READ))

    @router.get(
        "/stream",
        status_code=200,
        response_class=EventStream,
        responses=_STREAM | problem_answers(401, 403, 422, 503),
    )
    async def listen(last_event_id: LastEventId = None, principal: Principal = listener) -> EventStream:
        """What happens to the cases you see, while it happens (Server-Sent Events).

        It ends after 15 minutes at most; open it again with `Last-Event-ID`, as an EventSource does by itself.
        """
        return EventStream(stream.listen(principal, last_event_id))

    return router
