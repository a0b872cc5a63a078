"""Which databases the shop's services have, and under which catalog Trino shows each: one a source of the service."""

import re
from importlib.resources import files
from typing import Final

LAKE_ROLE: Final = "lake"
"""The PostgreSQL role that Trino reads with."""

VIEW_CATALOG: Final = "support"
"""Trino's catalog that keeps views durably."""
VIEW_SCHEMA: Final = f"{VIEW_CATALOG}.analytics"


def catalog_tables() -> dict[str, str]:
    """Each catalog of a source with its qualified table: {"orders": "shop.order_history", ...}."""
    from support_service.demo.tables import TABLES
    from support_service.sources.catalog import SOURCES

    return {source.service: TABLES[source.name] for source in SOURCES}


def shop_databases() -> dict[str, str]:
    """Each database of the shop's services with its one qualified table."""
    return {f"shop_{catalog}": table for catalog, table in catalog_tables().items()}


def schema_of(table: str) -> str:
    """Those statements of the simulated shop's schema that make this table, and the reading role's rights on it."""
    schema = files("support_service.demo").joinpath("schema.sql").read_text("utf-8")
    own = [said for said in schema.split(";\n") if re.search(rf"\b{re.escape(table)}\b|CREATE SCHEMA", said)]
    space = table.partition(".")[0]
    rights = [f"GRANT USAGE ON SCHEMA {space} TO {LAKE_ROLE}", f"GRANT SELECT ON {table} TO {LAKE_ROLE}"]
    return ";\n".join([*own, *rights])
