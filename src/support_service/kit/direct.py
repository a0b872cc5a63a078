"""Calling an endpoint that answers for itself, where its parameters have only to be looked up and checked one by one.

The framework's general way costs as much as a statement to the database. It is asked all the same as soon as anything is not
as it has to be, so that what is refused, and in which words, is its own.
"""

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction, signature
from typing import Any

from fastapi.dependencies.models import Dependant
from starlette.requests import Request
from starlette.responses import Response

_Told = Callable[[Request], Mapping[str, Any]]


class DirectCall:
    """An endpoint with what its parameters are: in path and headers, one body, and dependencies that take the request alone."""

    def __init__(self, dependant: Dependant) -> None:
        """Take what the framework has found out about an endpoint for which `direct_call` gives one."""
        self._endpoint: Callable[..., Any] = dependant.call  # type: ignore[assignment]
        self._request_name = dependant.request_param_name
        self._depended: list[tuple[Any, Any]] = [(one.name, one.call) for one in dependant.dependencies]
        self._bodies = dependant.body_params
        self._fields: list[tuple[Any, _Told]] = [
            *((one, _path) for one in dependant.path_params),
            *((one, _headers) for one in dependant.header_params),
        ]

    async def __call__(self, request: Request, content: object) -> Response | None:
        """The answer, given the request and what its body says; None when the framework must say what is wrong."""
        values: dict[str, Any] = {}
        for field, told in self._fields:
            given = told(request).get(field.alias)
            if given is None and not field.field_info.is_required():
                values[field.name] = field.get_default()
            elif not _put(values, field, given):
                return None
        if not all(_put(values, field, content) for field in self._bodies):
            return None
        for name, depended in self._depended:
            values[name] = await depended(request)
        if self._request_name is not None:
            values[self._request_name] = request
        answer: Response = await self._endpoint(**values)
        return answer


def direct_call(dependant: Dependant) -> DirectCall | None:
    """The direct call of an endpoint, if it is one for which that is all."""
    endpoint = dependant.call
    if _takes_more(dependant) or not iscoroutinefunction(endpoint):
        return None
    return DirectCall(dependant) if signature(endpoint).return_annotation is Response else None


def _put(values: dict[str, Any], field: Any, given: object) -> bool:
    """Put the checked value of a parameter where it belongs; whether it is as it has to be."""
    values[field.name], wrong = field.validate(given)
    return not wrong


def _takes_more(dependant: Dependant) -> bool:
    return bool(
        dependant.query_params
        or dependant.cookie_params
        or dependant.body_params[1:]
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or any("_" in one.alias for one in dependant.header_params)  # which the framework would spell otherwise
        or any(one.name is None or one.dependencies or _asks_for_more(one) for one in dependant.dependencies)
    )


def _path(request: Request) -> Mapping[str, Any]:
    return request.path_params


def _headers(request: Request) -> Mapping[str, Any]:
    return request.headers


def _asks_for_more(dependency: Dependant) -> bool:
    """Whether it takes anything besides the request."""
    asked = (dependency.path_params, dependency.query_params, dependency.header_params, dependency.cookie_params)
    return any(asked) or bool(dependency.body_params) or dependency.request_param_name is None
