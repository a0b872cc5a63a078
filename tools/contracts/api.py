"""The API as one OpenAPI document, and whether a client made for one release of it can go on with another.

A request that was accepted has to be accepted still: what it may hold may grow, by what need not be there. An answer has
to hold all it held, as it was; it may hold more, which clients leave out.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tools.contracts.compatibility import inlined, plain

from support_service import wiring
from support_service.config import Settings
from support_service.entrypoints.http import build

Document = Mapping[str, Any]
Answer = TypeVar("Answer")

_METHODS: Final = ("get", "put", "post", "delete", "patch")


def document() -> dict[str, Any]:
    """The OpenAPI document of a service that is built, and never used."""
    return _asked(lambda app: app.openapi())


def undocumented() -> set[str]:
    """What such a service answers besides, as `GET /docs`."""

    def hidden(app: FastAPI) -> set[str]:
        routes = (route for route in iter_route_contexts(app.routes) if not route.include_in_schema)
        return {f"{method} {route.path}" for route in routes for method in route.methods or () if method != "HEAD"}

    return _asked(hidden)


def _asked(question: Callable[[FastAPI], Answer]) -> Answer:
    async def asked() -> Answer:
        settings = Settings.model_validate(
            {"database_url": "postgresql://nobody@127.0.0.1/none", "oidc_issuer": "https://issuer.example"}
        )
        services = wiring.Services(settings, name="contracts")
        try:
            return question(build(services))
        finally:
            await services.close()

    return asyncio.run(asked())


def api_breaks(old: Document, new: Document) -> Iterator[str]:
    """What a client made for the old document could not rely on with the new one, in words."""
    before, after = _operations(old), _operations(new)
    for name, operation in before.items():
        if name not in after:
            yield f"{name} is gone"
            continue
        yield from _parameters_differ(operation, after[name], name)
        yield from _bodies_differ(operation, after[name], name)
        yield from _answers_differ(operation, after[name], name)


def _operations(document: Document) -> dict[str, Any]:
    root = {"$defs": document["components"]["schemas"]}
    return {
        f"{method.upper()} {path}": plain(inlined(operation, root))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in _METHODS
    }


def _parameters_differ(old: Document, new: Document, where: str) -> Iterator[str]:
    before, after = _parameters(old), _parameters(new)
    for name, parameter in before.items():
        if name not in after:
            yield f"{where}: {name} is gone"
        else:
            if after[name].get("required", False) and not parameter.get("required", False):
                yield f"{where}: {name} is needed now"
            yield from _differ(parameter["schema"], after[name]["schema"], f"{where}: {name}", asked=True)
    for name in after.keys() - before.keys():
        if after[name].get("required", False):
            yield f"{where}: {name} is new, and needed"


def _parameters(operation: Document) -> dict[str, Any]:
    return {f"{one['in']} {one['name'].lower()}": one for one in operation.get("parameters", ())}


def _bodies_differ(old: Document, new: Document, where: str) -> Iterator[str]:
    before, after = (one.get("requestBody", {}).get("content", {}) for one in (old, new))
    for media_type, content in before.items():
        if media_type not in after:
            yield f"{where}: a body of {media_type} is not taken any more"
        else:
            yield from _differ(content["schema"], after[media_type]["schema"], f"{where}: body", asked=True)
    if after and not before:
        yield f"{where}: a body is needed now"


def _answers_differ(old: Document, new: Document, where: str) -> Iterator[str]:
    for status, answer in old["responses"].items():
        if status not in new["responses"]:
            yield f"{where}: {status} is gone"
            continue
        after = new["responses"][status].get("content", {})
        for media_type, content in answer.get("content", {}).items():
            if media_type not in after:
                yield f"{where}: {status} is not {media_type} any more"
            elif "schema" in content:
                found = after[media_type].get("schema", {})
                yield from _differ(content["schema"], found, f"{where}: {status}", asked=False)


def _differ(old: Any, new: Any, where: str, *, asked: bool) -> Iterator[str]:
    """How what is asked of a client, or answered, differs so that a client is at a loss."""
    if _both(old, new, "properties"):
        yield from _objects_differ(old, new, where, asked=asked)
    elif _both(old, new, "items"):
        yield from _differ(old["items"], new["items"], f"{where}[]", asked=asked)
    elif _both(old, new, "anyOf") and len(old["anyOf"]) == len(new["anyOf"]):
        for before, after in zip(old["anyOf"], new["anyOf"], strict=True):
            yield from _differ(before, after, where, asked=asked)
    elif old != new:
        yield f"{where} was {old} and is {new}"


def _objects_differ(old: Any, new: Any, where: str, *, asked: bool) -> Iterator[str]:
    before, after = old["properties"], new["properties"]
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name, schema in before.items():
        if name not in after:
            yield f"{where}.{name} is gone"
            continue
        lost = needed_after - needed_before if asked else needed_before - needed_after
        if name in lost:
            yield f"{where}.{name} is {'needed now' if asked else 'not always there now'}"
        yield from _differ(schema, after[name], f"{where}.{name}", asked=asked)
    if asked:
        yield from (f"{where}.{name} is new, and needed" for name in needed_after - before.keys())


def _both(old: Any, new: Any, key: str) -> bool:
    return isinstance(old, dict) and isinstance(new, dict) and key in old and key in new
