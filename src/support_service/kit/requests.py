"""What a request has to be before a route looks at what it says, in one order for every operation.

Who asks comes first: a stranger is told nothing about what they sent. Then the parameters, each known and given once;
then the body, of a kind that is accepted, whole, and JSON. FastAPI would read the body first, take what it does not
know for nothing, and of a parameter that is there twice the last.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from email.message import Message
from functools import lru_cache
from inspect import isclass
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from support_service.kit.bodies import body_of, json_in
from support_service.kit.direct import direct_call
from support_service.kit.problems import UnsupportedMedia
from support_service.kit.web import problem_answers

_MOST_PARAMETERS = 100


class MediaTypeNotAccepted(UnsupportedMedia):
    """The body must be sent as application/json, in UTF-8."""


class ContentCodingNotAccepted(UnsupportedMedia):
    """The body must be sent as it is, without a Content-Encoding."""

    def __init__(self) -> None:
        super().__init__(headers={"accept-encoding": "identity"})  # RFC 9110, section 12.5.3


class Gate(SecurityBase, ABC):
    """A dependency that decides who may ask; it is passed before anything else of the request is looked at."""

    @abstractmethod
    async def enter(self, request: Request) -> None:
        """Let pass, or raise."""

    @abstractmethod
    async def __call__(self, request: Request) -> Any:
        """What the route is told of who has passed."""


class Operation(APIRoute):
    """A route that is strict with what it is sent."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **told: Any) -> None:
        """Document, besides what the route says of itself, what every such route can answer."""
        super().__init__(path, endpoint, **told)
        of_gates = (429,) if any(gates_of(self.dependant)) else ()
        of_body = (400, 408, 413, 415) if self.body_field is not None else ()
        self.responses = problem_answers(422, *of_gates, *of_body) | self.responses

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The framework's handler behind what has to be true before."""
        handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()
        gates, parameters = list(gates_of(self.dependant)), dict(_parameters(self.dependant))
        takes_body, call = self.body_field is not None, direct_call(self.dependant)

        async def handle_strictly(request: Request) -> Response:
            for gate in gates:
                await gate.enter(request)
            _check_parameters(request.scope["query_string"], parameters)
            content = None
            if takes_body:
                request = await _with_body(request)
                content = await request.json()
            answer = None if call is None else await call(request, content)
            return await handle(request) if answer is None else answer

        return handle_strictly


class _Read(Request):
    """A request whose body is read."""

    def __init__(self, request: Request, content: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._content, self._value = content, value

    async def body(self) -> bytes:
        return self._content

    async def json(self) -> Any:
        return self._value


async def _with_body(request: Request) -> Request:
    if request.headers.get("content-encoding", "identity").lower() not in {"identity", ""}:
        raise ContentCodingNotAccepted
    content = await body_of(request)
    if not content:
        return _Read(request, content, None)  # the framework says what is missing
    if not _is_json(request.headers.get("content-type", "")):
        raise MediaTypeNotAccepted
    return _Read(request, content, json_in(content))


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    said = Message()
    said["content-type"] = content_type
    subtype, charset = said.get_content_subtype(), str(said.get_param("charset", "utf-8"))
    is_json = said.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
    return is_json and charset.lower() in {"utf-8", "utf8", "us-ascii"}


def gates_of(dependant: Dependant) -> Iterator[Gate]:
    """The gates before a route, in the order in which they are passed."""
    for one in dependant.dependencies:
        if isinstance(one.call, Gate):
            yield one.call
        yield from gates_of(one)


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The names in the query, and whether each may be there more than once."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isclass(model) and issubclass(model, BaseModel):
            yield from ((one.alias or name, _is_list(one.annotation)) for name, one in model.model_fields.items())
        else:
            yield field.alias, _is_list(model)
    for one in dependant.dependencies:
        yield from _parameters(one)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in {list, tuple, set} or any(map(_is_list, get_args(annotation)))


def _check_parameters(query: bytes, known: Mapping[str, bool]) -> None:
    """Refuse what is not known, is there twice, or is no text."""
    if not query:
        return
    try:
        named = [
            name
            for name, _ in parse_qsl(
                query.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
            )
        ]
    except UnicodeDecodeError as error:
        raise _refused({"": "must be UTF-8"}) from error
    except ValueError as error:
        raise _refused({"": f"must hold at most {_MOST_PARAMETERS} parameters"}) from error
    wrong = {name: "There is no such parameter" for name in named if name not in known}
    wrong |= {name: "must be there once" for name in _twice(named) if not known.get(name, True)}
    if wrong:
        raise _refused(wrong)


def _twice(names: Collection[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)


def _refused(wrong: Mapping[str, str]) -> RequestValidationError:
    return RequestValidationError(
        [{"type": "value_error", "loc": ("query", name), "msg": msg} for name, msg in wrong.items()]
    )
