"""The demo's plain page: sign in as a made-up person, see cases, answer them, and watch their timelines move.

Only the running demo serves it, on loopback. Its files need no build and nothing from elsewhere; the browser is told to
run these files and no others.
"""

import ipaddress
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from support_service.demo.people import DemoPerson
from support_service.kit.problems import Forbidden, NotFound
from support_service.kit.requests import Operation
from support_service.kit.web import problem_answers

_MACHINE = "SERVICE"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


class Signer(Protocol):
    """Who signs tokens for the demo's people."""

    def token(self, *, subject: str, name: str, email: str, roles: tuple[str, ...], teams: tuple[str, ...]) -> str:
        """An access token for a person, from now on."""


class NotLoopback(Forbidden):
    """The demo signs people in on this machine only."""


class NobodyLikeThat(NotFound):
    """The demo has nobody with this subject."""


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True)


class PersonResponse(_Output):
    """Somebody who can be signed in."""

    subject: str
    name: str
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    language: str


class PeopleResponse(_Output):
    """Everybody who can be signed in."""

    items: tuple[PersonResponse, ...]


class SignIn(BaseModel):
    """Whom to sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class TokenResponse(_Output):
    """An access token that lives twelve hours."""

    token: str


def create_router(issuer: Signer, people: Sequence[DemoPerson]) -> APIRouter:
    """The page at `/`, its files, and the sign-in of the demo's people; machines get theirs on the command line."""
    router = APIRouter(route_class=Operation)
    _add_files(router)
    _add_sign_in(router, issuer, {person.subject: person for person in people if _MACHINE not in person.roles})
    return router


def _add_files(router: APIRouter) -> None:
    """Answer from memory: a name that was not packaged does not exist."""
    static = {entry.name: entry.read_bytes() for entry in files(__package__).joinpath("static").iterdir()}

    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return _file(request, "page.html", static["page.html"])

    @router.get("/page/{name}", include_in_schema=False)
    async def part(request: Request, name: str) -> Response:
        if name not in static:
            raise NotFound
        return _file(request, name, static[name])


def _file(request: Request, name: str, body: bytes) -> Response:
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = _HEADERS | {"etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers | {"content-type": _TYPES[name.rpartition(".")[2]]})


def _add_sign_in(router: APIRouter, issuer: Signer, people: dict[str, DemoPerson]) -> None:
    here = [Depends(_on_loopback)]

    @router.get("/demo/people", tags=["demo"], dependencies=here, responses=problem_answers(403))
    async def everybody() -> PeopleResponse:
        """The made-up people of the demo."""
        return PeopleResponse(
            items=tuple(
                PersonResponse(
                    subject=person.subject,
                    name=person.name,
                    roles=person.roles,
                    teams=person.teams,
                    language=person.language,
                )
                for person in people.values()
            )
        )

    @router.post("/demo/sign-in", tags=["demo"], dependencies=here, responses=problem_answers(403, 404, 422))
    async def sign_in(whom: SignIn) -> TokenResponse:
        """A token for one of the demo's people."""
        person = people.get(whom.subject)
        if person is None:
            raise NobodyLikeThat
        return TokenResponse(
            token=issuer.token(
                subject=person.subject,
                name=person.name,
                email=person.email,
                roles=person.roles,
                teams=person.teams,
            )
        )


async def _on_loopback(request: Request) -> None:
    """Refuse a Host that is no name of loopback: a page elsewhere can have its own name resolve to this machine."""
    host = request.url.hostname or ""
    if host != "localhost" and not _is_loopback(host):
        raise NotLoopback


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
