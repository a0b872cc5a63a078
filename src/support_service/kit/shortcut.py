"""The way to an operation, past the framework's own: it is sought among those with as many slashes in their paths.

The framework's search and the layers around it cost as much as all that it does then. What an operation is called with is the
same by both ways; an error goes on to the layer outside, which answers it as the framework would.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.convertors import StringConvertor
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from support_service.kit.requests import Operation


class _Known(NamedTuple):
    path: re.Pattern[str]
    route: BaseRoute
    app: ASGIApp


class Shortcut:
    """A layer that finds operations by method and path, and passes everything else on to the framework."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        """Know the operations among an application's routes, in their order."""
        self._app = app
        self._operations: dict[tuple[str, int], list[_Known]] = defaultdict(list)
        for one in iter_route_contexts(routes):
            if one.path is not None and _may_be_known(one):
                for method in one.methods or ():
                    known = _Known(one.path_regex, one.original_route, one.app)
                    self._operations[method, one.path.count("/")].append(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        operation = self._meant(scope) if scope["type"] == "http" else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        async with AsyncExitStack() as stack:
            scope["fastapi_middleware_astack"] = stack  # where it keeps uploaded files, and looks for it
            await operation(scope, receive, send)

    def _meant(self, scope: Scope) -> ASGIApp | None:
        """The operation that a request means, which its scope then tells as the framework would."""
        path: str = scope["path"]
        for known in self._operations.get((scope["method"], path.count("/")), ()):
            if (match := known.path.match(path)) is not None:
                scope["route"], scope["path_params"] = known.route, match.groupdict()
                return known.app
        return None


def _may_be_known(one: RouteContext) -> bool:
    """Whether it is an operation, and each of its parameters a text without slashes."""
    return isinstance(one.original_route, Operation) and all(
        type(each) is StringConvertor for each in one.param_convertors.values()
    )
