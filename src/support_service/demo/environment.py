"""The settings that the demo's processes are started with: the service's own, by environment, as any deployment has them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from support_service.demo.cluster import VIEW, Cluster
from support_service.demo.state import DemoFolder
from support_service.demo.switch import AUDIENCE

HOST = "127.0.0.1"
_LONG_AGO_DAYS = 7300
"""Olist's orders are of 2016 to 2018, so the demo's timelines look back twenty years."""

_NOT_OURS = (
    "DATABASE_",
    "OIDC_",
    "SHOP_",
    "LAKE_",
    "SECRETS_DIR",
    "KAFKA_",
    "TRINO_",
    "REDIS_",
    "S3_",
    "BLOBS_",
    "ATTACHMENTS_",
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports of one run, all on loopback, and the token between the service and the shop."""

    api: int
    shop: int
    metrics: int
    shop_token: str

    @property
    def url(self) -> str:
        """Where the API and its page are."""
        return f"http://{HOST}:{self.api}"

    @property
    def shop_url(self) -> str:
        """Where the shop's REST services are."""
        return f"http://{HOST}:{self.shop}"


def environment(settings: Mapping[str, str]) -> Mapping[str, str]:
    """The environment of every process; what the person's own says of a real deployment is left out."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    return {**inherited, **settings}


def settings_of(cluster: Cluster, folder: DemoFolder, addresses: Addresses, *, seed: int) -> Mapping[str, str]:
    """Every setting of every process of the demo, under its environment name."""
    return {
        "DEMO": "true",
        "HOST": HOST,
        "PORT": str(addresses.api),
        "METRICS_PORT": str(addresses.metrics),
        "API_WORKERS": "1",
        "DATABASE_URL": cluster.app_dsn,
        "LAKE_URL": cluster.lake_dsn,
        "LAKE_VIEW": VIEW,
        "SHOP_EVENTS_URL": cluster.events_dsn,
        "SHOP_API_URL": addresses.shop_url,
        "SHOP_API_TOKEN": addresses.shop_token,
        "SHOP_DATABASE_URL": cluster.shop_dsn,
        "SHOP_PORT": str(addresses.shop),
        "SHOP_SEED": str(seed),
        "SUPPORT_API_URL": addresses.url,
        "OIDC_AUDIENCE": AUDIENCE,
        "LOCAL_ISSUER_KEY": str(folder.issuer_key),
        "BLOBS_DIRECTORY": str(folder.blobs),
        "BLOBS_SECRET": folder.blobs_secret(),
        "TIMELINE_WINDOW_DAYS": str(_LONG_AGO_DAYS),
        "LOG_FORMAT": "json",
    }
