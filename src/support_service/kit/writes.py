"""Writes over HTTP that can be repeated safely: `Idempotency-Key` and `If-Match`, read and kept to in one way."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from support_service.kit import idempotency
from support_service.kit.clock import Clock
from support_service.kit.database import Database, Tx
from support_service.kit.idempotency import LONGEST_KEY, Answer, Scope, fingerprint
from support_service.kit.problems import InvalidInput, PreconditionRequired

_JSON = "application/json"
_ETAG = re.compile(r'\s*(?:W/)?"([0-9]{1,18})(?:-[0-9a-f-]{1,60})?"\s*')
"""A version, and of what was read with something else beside it what that was."""

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Names this request: sent again within 24 hours it has one effect."),
]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the version you are changing.")]


class VersionRequired(PreconditionRequired):
    """Say which version you are changing, with If-Match."""


class VersionUnreadable(InvalidInput):
    """If-Match must hold one ETag of what you are changing, such as "7"."""


class IdempotencyKeyUnreadable(InvalidInput):
    """Idempotency-Key must hold 1 to 255 printable characters."""


@dataclass(frozen=True, slots=True)
class Once:
    """A request that its sender named, so that sending it again has no second effect."""

    scope: Scope
    fingerprint: bytes


Effect = Callable[[Tx], Awaitable[tuple[Answer, Callable[[], None]]]]
"""Does what is asked in a transaction; gives the answer, and what is to be done once it is committed."""


def once_of(principal_id: UUID, request: Request, key: str | None, body: BaseModel | None = None) -> Once | None:
    """The request as its sender named it; None when it has no name.

    Raises:
        IdempotencyKeyUnreadable: the name is none.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise IdempotencyKeyUnreadable
    path = request.url.path
    scope = Scope(principal_id, f"{request.method} {request.scope['route'].path}", key)
    content = b"" if body is None else body.model_dump_json().encode()
    return Once(scope, fingerprint(path.encode(), content))


def version_of(if_match: str | None) -> int:
    """The version that an `If-Match` names.

    Raises:
        VersionRequired: there is none.
        VersionUnreadable: it names none.
    """
    if if_match is None:
        raise VersionRequired
    match = _ETAG.fullmatch(if_match)
    if match is None:
        raise VersionUnreadable
    return int(match[1])


def etag_of(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


async def run_once(
    database: Database,
    clock: Clock,
    once: Once | None,
    effect: Effect,
    *,
    kept: Callable[[Answer], Answer] = lambda answer: answer,
    at_once: bool = False,
) -> Answer:
    """Run an effect in one transaction with the record of its answer, or give the answer it had before.

    Args:
        database: whose transaction it is.
        clock: by which a key's life is reckoned.
        once: the request's name; without one the effect is had anew each time.
        effect: what is asked.
        kept: what is recorded of the answer, for whoever asks again; all of it unless said.
        at_once: the effect writes by one statement: without a name it needs no transaction besides.
    """
    async with database.connection() if once is None and at_once else database.transaction() as tx:
        if once is not None:
            earlier = await idempotency.begin(tx, once.scope, once.fingerprint, clock.now())
            if earlier is not None:
                return Answer(earlier.status, earlier.headers | {"idempotency-replayed": "true"}, earlier.body)
        answer, afterwards = await effect(tx)
        if once is not None:
            await idempotency.record(tx, once.scope, once.fingerprint, kept(answer), clock.now())
    afterwards()
    return answer


def sent(answer: Answer) -> Response:
    """An answer as the framework sends it."""
    return Response(answer.body, status_code=answer.status, media_type=_JSON, headers=answer.headers)
