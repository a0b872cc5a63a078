"""The views that the lake reads, and how they get into Trino.

One view for each source holds its SELECT; the timeline view is the UNION ALL of them. Each carries the hash of its statement
as its comment, so that applying again changes nothing, and a release with other SELECTs is seen to differ. They belong in a
durable catalog: the postgresql connector holds no views, and `memory` forgets them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from support_service.adapters.trino.client import TrinoClient
from support_service.adapters.trino.literals import text_literal

_VIEW = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")
_SOURCE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ViewStatement:
    """How a view is made; `comment` tells this making from another."""

    name: str
    comment: str
    sql: str


@dataclass(frozen=True, slots=True)
class AppliedView:
    """What became of a view."""

    name: str
    state: Literal["created", "replaced", "unchanged"]


def plain_view(view: str) -> str:
    """The name of a view, if it is catalog.schema.name in small letters.

    Raises:
        ValueError: it is not.
    """
    if not _VIEW.fullmatch(view):
        message = f"not a plain view name, as catalog.schema.name: {view!r}"
        raise ValueError(message)
    return view


def source_view(view: str, source: str) -> str:
    """The name of one source's view beside the timeline view.

    Raises:
        ValueError: one of the names is not plain.
    """
    if not _SOURCE.fullmatch(source):
        message = f"not a plain source name: {source!r}"
        raise ValueError(message)
    return f"{plain_view(view)}_{source}"


def view_statements(view: str, selects: Mapping[str, str]) -> list[ViewStatement]:
    """The statements that make all views, in the order in which they must run; for `--print` and for `apply_view`.

    Args:
        view: the timeline view: catalog.schema.name.
        selects: each source's SELECT over its catalog, by the source's name.

    Raises:
        ValueError: a name is not plain.
    """
    made = [_statement(source_view(view, source), select) for source, select in selects.items()]
    union = "\nUNION ALL\n".join(f"SELECT * FROM {one.name}" for one in made)  # noqa: S608 - plain names
    return [*made, _statement(plain_view(view), union)]


async def apply_view(
    client: TrinoClient, *, view: str, selects: Mapping[str, str], deadline_s: float = 60.0
) -> list[AppliedView]:
    """Make the views as they are to be; one that is so already is left alone, and readers never find one missing.

    Args:
        client: signed in as who may make views there.
        view: the timeline view: catalog.schema.name.
        selects: each source's SELECT over its catalog, by the source's name.
        deadline_s: seconds for each statement.

    Raises:
        TrinoError: a statement was refused; those before it stand, and applying again goes on.
        ValueError: a name is not plain.
    """
    wanted = view_statements(view, selects)
    found = await _comments(client, wanted, deadline_s)
    if not found:
        schema = view.rpartition(".")[0]
        await client.query(f"CREATE SCHEMA IF NOT EXISTS {schema}", deadline_s=deadline_s)
    applied: list[AppliedView] = []
    for one in wanted:
        if found.get(one.name) == one.comment:
            applied.append(AppliedView(one.name, "unchanged"))
            continue
        await client.query(one.sql, deadline_s=deadline_s)
        applied.append(AppliedView(one.name, "replaced" if one.name in found else "created"))
    return applied


def _statement(name: str, select: str) -> ViewStatement:
    comment = f"support-service {sha256(select.encode()).hexdigest()[:16]}"
    return ViewStatement(name, comment, f"CREATE OR REPLACE VIEW {name} COMMENT {text_literal(comment)} AS\n{select}")


async def _comments(client: TrinoClient, views: Sequence[ViewStatement], deadline_s: float) -> dict[str, str | None]:
    """The comments of those views that exist."""
    catalog, schema, _ = views[0].name.split(".")
    names = ", ".join(text_literal(one.name.rpartition(".")[2]) for one in views)
    answer = await client.query(
        "SELECT table_name, comment FROM system.metadata.table_comments"  # noqa: S608 - literals
        f" WHERE catalog_name = {text_literal(catalog)} AND schema_name = {text_literal(schema)}"
        f" AND table_name IN ({names})",
        deadline_s=deadline_s,
    )
    return {f"{catalog}.{schema}.{table}": comment for table, comment in answer.rows}
