"""The simulated shop's own processes; only the demo starts them."""

import os

from fastapi import FastAPI

from support_service.demo import feed as shop_feed
from support_service.demo.rest import create_rest_app
from support_service.entrypoints.server import serve_app
from support_service.kit import logs


def create_app() -> FastAPI:
    """The shop's REST services, from the environment that the demo gives."""
    logs.configure(log_format="json", level="warning")
    return create_rest_app(os.environ["SHOP_DATABASE_URL"], os.environ.get("SHOP_API_TOKEN"))


def serve_rest() -> None:
    """Serve them on loopback until SIGTERM."""
    serve_app("support_service.entrypoints.shop:create_app", host="127.0.0.1", port=int(os.environ["SHOP_PORT"]))


def feed() -> None:
    """Let orders move until SIGTERM."""
    shop_feed.main()
