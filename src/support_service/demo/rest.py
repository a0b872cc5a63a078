"""The simulated shop's REST services: orders, payments, shipments, fraud and feedback behind one address.

    GET /{service}/history?order_ids=a,b      every version of the orders' entities, as the tables hold them
    GET /{service}/health
    GET /orders/newest?customer_id=c&limit=20 the customer's orders, the last placed first
    GET /orders/customers/{customer_id}

With a token set, all but health asks for it as `Authorization: Bearer <token>`.
"""

import hmac
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Path, Query
from starlette.responses import Response

from support_service.demo.facts import SHAPES, Source
from support_service.demo.tables import SQL, customer_of
from support_service.kit import logs
from support_service.kit.database import Database
from support_service.kit.problems import InvalidInput, NotFound, Unauthenticated
from support_service.kit.web import RequestContext, install_problem_handlers

MOST_ORDERS = 100
_LONGEST_ID = 128
_CONNECTIONS = 4

_Id = Annotated[str, Query(min_length=1, max_length=_LONGEST_ID)]


class TooManyOrders(InvalidInput):
    """Ask for 1 to 100 orders at once."""


class UnknownCustomer(NotFound):
    """The shop knows nobody under this id."""


class TokenRefused(Unauthenticated):
    """The shop's services want their bearer token."""


def create_app() -> FastAPI:
    """The application as the demo runs it: SHOP_DATABASE_URL and SHOP_API_TOKEN of the environment, logs as set there."""
    logs.configure(log_format="json", level=os.environ.get("LOG_LEVEL", "info"))
    return create_rest_app(os.environ["SHOP_DATABASE_URL"], os.environ.get("SHOP_API_TOKEN") or None)


def create_rest_app(dsn: str, token: str | None) -> FastAPI:
    """The application that serves all five services.

    Args:
        dsn: the shop's database, as a role that may read its tables.
        token: the bearer token to ask for; None asks for none.
    """
    database = Database(dsn, name="shop-rest", max_size=_CONNECTIONS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    app = FastAPI(title="The simulated shop", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    install_problem_handlers(app)
    app.add_middleware(RequestContext)
    guard = Depends(_token_check(token))
    for source, shape in SHAPES.items():
        _add_service(app, source, shape.service, database, guard)
    _add_customers(app, database, guard)
    return app


def _token_check(token: str | None) -> Callable[..., Awaitable[None]]:
    async def check(authorization: Annotated[str | None, Header()] = None) -> None:
        if token is not None and not hmac.compare_digest((authorization or "").encode(), f"Bearer {token}".encode()):
            raise TokenRefused(headers={"www-authenticate": "Bearer"})

    return check


def _add_service(app: FastAPI, source: Source, service: str, database: Database, guard: Any) -> None:
    @app.get(f"/{service}/health")
    async def health() -> Response:
        async with database.connection() as tx:
            await tx.fetchval("SELECT 1")
        return _json({"status": "ok"})

    @app.get(f"/{service}/history", dependencies=[guard])
    async def history(order_ids: Annotated[str, Query()]) -> Response:
        asked = list(dict.fromkeys(order_ids.split(",")))
        if len(asked) > MOST_ORDERS or any(not 1 <= len(order_id) <= _LONGEST_ID for order_id in asked):
            raise TooManyOrders
        async with database.connection() as tx:
            rows = await tx.fetch(SQL[f"facts_of_{source}"], asked)
        return _json({"items": [dict(row.items()) for row in rows]})


def _add_customers(app: FastAPI, database: Database, guard: Any) -> None:
    @app.get("/orders/newest", dependencies=[guard])
    async def newest(customer_id: _Id, limit: Annotated[int, Query(ge=1, le=MOST_ORDERS)] = 20) -> Response:
        async with database.connection() as tx:
            rows = await tx.fetch(SQL["newest_orders"], customer_id, limit)
        return _json({"items": [{"order_id": row["order_id"]} for row in rows]})

    @app.get("/orders/customers/{customer_id}", dependencies=[guard])
    async def customer(customer_id: Annotated[str, Path(max_length=_LONGEST_ID)]) -> Response:
        async with database.connection() as tx:
            found = await customer_of(tx, customer_id)
        if found is None:
            raise UnknownCustomer
        return _json(asdict(found))


def _json(body: Mapping[str, Any]) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_as_text)
    return Response(content.encode(), media_type="application/json")


def _as_text(value: object) -> str:
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    raise TypeError(type(value).__name__)
