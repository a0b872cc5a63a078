"""What `deploy/compose.yaml` mounts: the same configuration as the native stack's, for containers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.stack.catalogs import LAKE_ROLE, catalog_tables, schema_of, shop_databases
from tools.stack.trino_files import Catalog, TrinoPlace, trino_files

_PASSWORD: Final = "support"  # noqa: S105 - in the open, for a stack on loopback
_ETC: Final = Path("/etc/trino")
_PLACE: Final = TrinoPlace(bind=None, port=8080, heap="1G", views=Path("/data/trino"))
"""Views are kept in a folder that the image has, as Trino refuses one that is not there: its own, which the volume keeps."""


def compose_files() -> Mapping[str, str]:
    """The text of each file below `deploy/stack/`, by its name there."""
    catalogs = [Catalog(name, "postgres:5432", f"shop_{name}", LAKE_ROLE, _PASSWORD) for name in catalog_tables()]
    trino = trino_files(_PLACE, catalogs, etc=_ETC)
    return {"postgres/shop.sql": _databases(), **{f"trino/{name}": text for name, text in trino.items()}}


def _databases() -> str:
    made = [f"CREATE ROLE {LAKE_ROLE} LOGIN PASSWORD '{_PASSWORD}';"]
    for database, table in shop_databases().items():
        made.append(f"CREATE DATABASE {database};\n\\connect {database}\n{schema_of(table)};")
    return "\n\n".join(made) + "\n"
