"""Endpoints whose parameters are looked up directly get the same values, and leave every refusal to the framework."""

import json
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import aiohttp
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from support.service import serving_asgi
from support_service.kit.direct import direct_call
from support_service.kit.requests import Operation

_ID = UUID(int=7)


class _Asked(BaseModel):
    number: Annotated[int, Field(ge=1)]


async def _who(request: Request) -> str:
    return request.headers["from"]


router = APIRouter(route_class=Operation)


@router.post("/things/{thing}")
async def write(
    request: Request,
    thing: UUID,
    new: _Asked,
    who: Annotated[str, Depends(_who)],
    key: Annotated[str | None, Header(alias="Key")] = None,
) -> Response:
    """Answer what was understood."""
    return Response(f"{request.method} {thing.int} {new.number} {key} {who}")


@router.get("/listed")
async def listed(query: Annotated[str, Query()]) -> Response:
    """Takes more than is looked up directly."""
    return Response(query)


@router.get("/modelled")
async def modelled() -> _Asked:
    """Is answered for by the framework."""
    return _Asked(number=1)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = FastAPI()
    app.include_router(router)
    async with serving_asgi(app) as address:
        yield address


async def _post(url: str, body: object, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(headers={"from": "me", **headers}) as session,
        session.post(url, json=body) as answer,
    ):
        return answer.status, await answer.text()


def _direct(path: str) -> bool:
    (route,) = [route for route in router.routes if isinstance(route, Operation) and route.path == path]
    return direct_call(route.dependant) is not None


def test_only_an_endpoint_that_answers_for_itself_and_takes_nothing_else_is_called_directly() -> None:
    assert [_direct(path) for path in ("/things/{thing}", "/listed", "/modelled")] == [True, False, False]


async def test_every_parameter_gets_what_the_request_says(url: str) -> None:
    assert await _post(f"{url}/things/{_ID}", {"number": 2}, key="k") == (200, "POST 7 2 k me")
    assert await _post(f"{url}/things/{_ID}", {"number": 3}) == (200, "POST 7 3 None me")


@pytest.mark.parametrize(
    ("thing", "body", "places"),
    [
        ("none", {"number": 0}, [["path", "thing"], ["body", "number"]]),
        (_ID, {}, [["body", "number"]]),
        (_ID, [], [["body"]]),
        (_ID, None, [["body"]]),
    ],
)
async def test_what_is_wrong_is_told_by_the_framework_where_it_stands(
    url: str, thing: object, body: object, places: list[list[str]]
) -> None:
    status, text = await _post(f"{url}/things/{thing}", body)
    assert (status, [error["loc"] for error in json.loads(text)["detail"]]) == (422, places)
