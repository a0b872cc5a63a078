"""The settings of the service that is measured."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from bench.lake import Lake
from bench.processes import HOST
from support_service.config import Settings
from support_service.demo.cluster import VIEW, Cluster

API_WORKERS = 2
_FOR_EVERYBODY = "1000000"
"""Requests a second and person: the limits are kept, so that what they cost is measured, and never reached."""

AUDIENCE = "support-service"
_SETTINGS = frozenset({name.upper() for name in Settings.model_fields} | {"SECRETS_DIR"})
_OF_THE_SHOP = "SHOP_"


def environment(
    cluster: Cluster, folder: Path, ports: Sequence[int], redis_url: str | None, lake: Lake | None
) -> dict[str, str]:
    """All settings of the service and of the shop's services; what of them stands in the environment has no say.

    Args:
        cluster: the database of both.
        folder: of the issuer's key.
        ports: of the API, and of the shop's services.
        redis_url: of the shared cache, if there is one.
        lake: on a real Trino; the view in the shop's database when None.
    """
    shop_token = secrets.token_urlsafe(24)
    settings = inherited() | {
        "DEMO": "true",
        "HOST": HOST,
        "PORT": str(ports[0]),
        "METRICS_PORT": "0",
        "API_WORKERS": str(API_WORKERS),
        "DATABASE_URL": cluster.app_dsn,
        "LAKE_URL": cluster.lake_dsn,
        "LAKE_VIEW": VIEW,
        "SHOP_EVENTS_URL": cluster.events_dsn,
        "SHOP_API_URL": f"http://{HOST}:{ports[1]}",
        "SHOP_API_TOKEN": shop_token,
        "SHOP_DATABASE_URL": cluster.shop_dsn,
        "OIDC_AUDIENCE": AUDIENCE,
        "LOCAL_ISSUER_KEY": str(folder / "issuer.pem"),
        "LOG_FORMAT": "json",
        "RATE_LIMIT_READS": _FOR_EVERYBODY,
        "RATE_LIMIT_WRITES": _FOR_EVERYBODY,
        "RATE_LIMIT_MACHINE_READS": _FOR_EVERYBODY,
        "RATE_LIMIT_MACHINE_WRITES": _FOR_EVERYBODY,
    }
    settings |= {"REDIS_URL": redis_url} if redis_url else {}
    return settings | ({"TRINO_URL": lake.url, "TRINO_VIEW": lake.view} if lake else {})


def inherited() -> dict[str, str]:
    """This process's environment without the settings of the service and of the shop's services."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in _SETTINGS and not name.startswith(_OF_THE_SHOP)
    }
