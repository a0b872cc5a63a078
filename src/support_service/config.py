"""Every setting of the service, from the environment (twelve-factor), read once and frozen.

Only `wiring`, the entrypoints and `migrations/env.py` read this; everything else receives what it needs as arguments.
A secret can also come from a file of its name in the directory that `SECRETS_DIR` names.
"""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")


class Settings(BaseSettings):
    """The settings under their environment names (upper case)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", secrets_dir=os.environ.get("SECRETS_DIR"))

    demo: bool = Field(default=False, description="Serve the demo's page and its local issuer; loopback only.")
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8360, ge=1, le=65535, description="Port the API listens on.")
    metrics_port: int = Field(default=8361, ge=0, le=65535, description="Port of the worker's /metrics; 0 serves none.")
    api_workers: int = Field(default=1, ge=1, le=64, description="API processes.")

    database_url: SecretStr = Field(description="PostgreSQL 16 or later, as the service's role.")
    database_owner_url: SecretStr | None = Field(
        default=None, description="The same database as its owner, for migrations; DATABASE_URL when absent."
    )
    database_pool: int = Field(default=10, ge=2, le=200, description="Connections a process opens at most.")
    database_statement_cache: bool = Field(
        default=True, description="Prepared statements; off behind PgBouncer in transaction mode."
    )

    trino_url: str | None = Field(default=None, description="Trino's coordinator: the lake, instead of LAKE_URL.")
    trino_user: str = Field(default="support-service", description="As whom queries run.")
    trino_password: SecretStr | None = Field(default=None, description="Its password; over TLS only.")
    trino_token: SecretStr | None = Field(default=None, description="Or a JWT, sent as a bearer token.")
    trino_ca_file: Path | None = Field(default=None, description="PEM file of the authorities that vouch for Trino.")
    trino_view: str = Field(
        default="support.analytics.vw_support_case_timeline",
        pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){2}$",
        description="The timeline view: catalog.schema.name, in a durable catalog.",
    )
    trino_tables: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="The table of each source, for `support-service trino apply`: `order=catalog.schema.table,...`.",
    )
    trino_session: Annotated[dict[str, str], NoDecode] = Field(
        default={}, description="Session properties of every query: `name=value,...`."
    )
    redis_url: SecretStr | None = Field(
        default=None, description="Cache shared by all processes; redis://, rediss://, +sentinel or +cluster."
    )

    lake_url: SecretStr | None = Field(default=None, description="PostgreSQL that holds the timeline view.")
    lake_view: str = Field(
        default="lake.vw_support_case_timeline",
        pattern=r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*",
        description="Name of the timeline view.",
    )
    shop_api_url: str | None = Field(default=None, description="Base address of the shop's REST services.")
    shop_api_token: SecretStr | None = Field(default=None, description="Bearer token for the shop's REST services.")
    shop_events_url: SecretStr | None = Field(default=None, description="PostgreSQL that holds the demo's events.")
    kafka_servers: str | None = Field(
        default=None, description="Kafka's bootstrap servers: where shop events come from, instead of SHOP_EVENTS_URL."
    )
    kafka_topics: Annotated[dict[str, str], NoDecode] = Field(
        default={}, description="Topics that are not called like their events: `order.status.changed=shop.orders,...`."
    )
    shop_events_mapping: Path | None = Field(
        default=None, description="TOML file that says where the fields of events stand (docs/events.md)."
    )
    kafka_publish_topic: str | None = Field(
        default=None,
        description="Topic for what happens to cases; `{type}` in it is an event's type. Unset: nothing is published.",
    )
    kafka_group: str = Field(default="support-service", description="The consumer group of all workers.")
    kafka_instance: str | None = Field(
        default=None, description="A worker's own name in the group, the same after a restart: its share waits for it."
    )
    kafka_options: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default={}, description="librdkafka's properties for signing in and TLS: `security.protocol=SASL_SSL,...`."
    )
    webhooks_private_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description="Networks besides the public internet that webhooks may be sent to, by http, too: `10.8.0.0/16,...`.",
    )
    blobs_directory: Path | None = Field(
        default=None, description="Folder for the files of cases, shared by all processes; unset: none are taken."
    )
    blobs_secret: SecretStr | None = Field(
        default=None, description="What signs the addresses of files in that folder: at least 32 characters."
    )
    attachments_most_bytes: int = Field(
        default=25_000_000, ge=1, le=1_000_000_000, description="Bytes that an attachment may have."
    )
    attachments_types: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Content types of attachments, comma-separated; unset: those of docs/attachments.md."
    )
    timeline_window_days: int = Field(
        default=730, ge=1, le=36500, description="Facts older than this are not asked for."
    )

    oidc_issuer: str | None = Field(default=None, description="Issuer of access tokens, exactly as in `iss`.")
    oidc_audience: str = Field(default="support-service", description="Audience that tokens must name.")
    oidc_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        default=_ALGORITHMS, description="Signature algorithms accepted, comma-separated; asymmetric ones only."
    )
    oidc_roles_claim: str = Field(default="realm_access.roles", description="Path of the claim with the roles.")
    oidc_teams_claim: str = Field(default="teams", description="Path of the claim with the teams.")
    teams_from: Literal["claim", "service"] = Field(
        default="claim", description="Who says who is in which team: access tokens, or supervisors by `/support/teams`."
    )
    local_issuer_key: Path | None = Field(default=None, description="Key file of the demo's issuer.")

    rate_limit_reads: float = Field(
        default=100,
        ge=0,
        description="Reads a second that one person may make of one operation (below); 0: any number.",
    )
    rate_limit_writes: float = Field(default=50, ge=0, description="Writes, likewise.")
    rate_limit_machine_reads: float = Field(default=1000, ge=0, description="Reads of a machine client, likewise.")
    rate_limit_machine_writes: float = Field(default=500, ge=0, description="Writes of a machine client, likewise.")
    rate_limit_failed_sign_ins: float = Field(
        default=50, ge=0, description="Tokens a second that may prove nothing from one address, likewise."
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(), description="Networks of proxies whose X-Forwarded-For is believed: `10.0.0.0/8,...`."
    )

    log_format: Literal["auto", "json", "console"] = Field(default="auto", description="Shape of log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")

    @field_validator("trino_tables", "trino_session", "kafka_topics", "kafka_options", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {name.strip(): table.strip() for name, _, table in pairs}

    @field_validator(
        "oidc_algorithms", "webhooks_private_networks", "attachments_types", "trusted_proxies", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("oidc_algorithms")
    @classmethod
    def _asymmetric_only(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(_ALGORITHMS):
            message = f"only these are accepted: {', '.join(_ALGORITHMS)}"
            raise ValueError(message)
        return value

    @property
    def owner_url(self) -> str:
        """The DSN that migrations run with."""
        return (self.database_owner_url or self.database_url).get_secret_value()
