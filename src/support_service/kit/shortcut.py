"""The way to an operation whose path has no parameters, past the framework's own: it is looked up instead of searched for.

The search and the layers around it cost the framework as much as all that it does then. What an operation is called with is the
same by both ways; an error goes on to the layer outside, which answers it as the framework would.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from support_service.kit.requests import Operation


class Shortcut:
    """A layer that calls the operations it knows by method and path, and passes everything else on to the framework."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        """Know the operations among an application's routes."""
        self._app = app
        self._operations: dict[tuple[str, str | None], tuple[BaseRoute, ASGIApp]] = {
            (method, one.path): (one.original_route, one.app)
            for one in iter_route_contexts(routes)
            if isinstance(one.original_route, Operation) and not one.param_convertors
            for method in one.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        known = self._operations.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if known is None:
            await self._app(scope, receive, send)
            return
        scope["route"], operation = known
        scope["path_params"] = {}
        async with AsyncExitStack() as stack:
            scope["fastapi_middleware_astack"] = stack  # where it keeps uploaded files, and looks for it
            await operation(scope, receive, send)
