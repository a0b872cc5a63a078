"""The API process: FastAPI over the wired services, health, metrics and the documentation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from support_service import __version__, migrations, wiring
from support_service.adapters.embedded.blobs import BLOBS_PATH, LARGEST_FORM, create_blob_routes
from support_service.attachments import create_attachment_routes
from support_service.config import Settings
from support_service.context import create_dead_letter_routes
from support_service.demo.page import create_router as create_demo_page
from support_service.demo.people import PEOPLE
from support_service.desk import HotRoad, create_carrier_routes, create_customer_routes, create_routes
from support_service.directory import create_team_routes
from support_service.entrypoints.application import Application
from support_service.entrypoints.draining import on_announcement
from support_service.kit import logs
from support_service.kit.garbage import spare_the_collector
from support_service.kit.problems import Problem
from support_service.kit.shortcut import Shortcut
from support_service.kit.web import ProblemBody, RequestContext, install_problem_handlers
from support_service.stream import create_stream_routes
from support_service.webhooks import create_webhook_routes

_DESCRIPTION = """\
Support cases beside the truth of their orders, payments, shipments, fraud alerts and feedback.

Every error is an RFC 9457 problem (docs/problems.md); a path asked with a method that it does not have is answered 405 with `Allow`,
and who asks too often 429 with `Retry-After`. Unknown fields and parameters are refused. A POST with an `Idempotency-Key` has one effect however often it is sent. A PATCH
needs `If-Match`. Lists are paged by cursor. A timeline says for each source how fresh it is and where it came from.
"""


def create_app() -> Application:
    """The API as the server runs it, from the environment's settings."""
    settings = Settings()
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    app = application(wiring.Services(settings, name="support-api"))
    spare_the_collector()
    return app


def application(services: wiring.Services) -> Application:
    """The API over these services with its hot road in front; they live as long as it does."""
    return Application(build(services), HotRoad(services.desk, services.guard))


def build(services: wiring.Services) -> FastAPI:
    """The API over these services as the framework has it: routes and their documentation."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = services.tail.run(stop), services.views.run(stop), services.stream.run(stop)
        tasks = [asyncio.create_task(one) for one in running]
        on_announcement(services.stream.end)
        warming = asyncio.create_task(services.warming.run())
        try:
            yield
        finally:
            stop.set()
            warming.cancel()
            await asyncio.gather(*tasks, warming, return_exceptions=True)
            await services.close()

    app = FastAPI(
        title="support-service",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,  # a redirect would lead to whatever host the request names
        lifespan=lifespan,
    )
    patch_fastapi(app, docs_url="/docs", redirect_from_root_to_docs=False)
    largest_upload = services.settings.attachments_most_bytes + LARGEST_FORM
    app.add_middleware(Shortcut, routes=app.routes)
    app.add_middleware(RequestContext, larger={BLOBS_PATH: largest_upload})
    install_problem_handlers(app)
    _add_routes(app, services)
    _add_operations(app, services)
    _describe_problems(app)
    return app


def _add_routes(app: FastAPI, services: wiring.Services) -> None:
    app.include_router(create_routes(services.desk, services.guard))
    app.include_router(create_carrier_routes(services.carriers, services.guard))
    app.include_router(create_dead_letter_routes(services.dead_letters, services.guard))
    app.include_router(create_stream_routes(services.stream, services.guard))
    app.include_router(create_webhook_routes(services.webhooks, services.deliveries, services.guard))
    app.include_router(create_attachment_routes(services.attachments, services.guard))
    if services.blobs is not None:
        app.include_router(create_blob_routes(services.blobs))
    _add_people(app, services)
    if services.issuer is not None:
        app.include_router(create_demo_page(services.issuer, PEOPLE))


def _add_people(app: FastAPI, services: wiring.Services) -> None:
    app.include_router(create_customer_routes(services.customers, services.guard))
    app.include_router(create_team_routes(services.teams, services.guard))


def _add_operations(app: FastAPI, services: wiring.Services) -> None:
    @app.get("/healthz", tags=["operations"], include_in_schema=True)
    async def healthz() -> dict[str, str]:
        """Whether this process runs."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operations"], responses={503: {"description": "Not ready"}})
    async def readyz() -> JSONResponse:
        """Whether this process can serve: the database answers, at the revision that this version needs.

        Nor is it ready before the lake has answered once, for some seconds at most: without it the services are asked.
        """
        checks = {"database": await _database_state(services)}
        if services.warming.state is not None:
            checks["lake"] = services.warming.state
        ready = checks["database"] == "ok" and not services.warming.holds_up
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _database_state(services: wiring.Services) -> str:
    try:
        revision = await migrations.revision_of(services.database)
    except Problem as problem:
        return problem.code
    needed = migrations.newest_revision()
    return "ok" if revision == needed else f"at revision {revision}, needs {needed}: run support-service migrate"


def _describe_problems(app: FastAPI) -> None:
    """Put the problem's shape into the OpenAPI document, and take out the framework's own error shapes."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        document = generate()
        schemas = document["components"]["schemas"]
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"ProblemBody": problem}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
