"""All SQL of the account of activity: it is only ever added to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from support_service.kit.database import Tx
from support_service.kit.sql import load_queries
from support_service.kit.together import Sends

_SQL = load_queries("support_service.activity")


@dataclass(frozen=True, slots=True)
class View:
    """Somebody looked at a case."""

    occurred_at: datetime
    agent_id: UUID
    ticket_id: UUID
    request_id: str | None


async def insert(
    tx: Sends,
    *,
    occurred_at: datetime,
    agent_id: UUID,
    action: str,
    ticket_id: UUID | None,
    detail: Mapping[str, Any],
    request_id: str | None,
) -> None:
    """Add one row."""
    await tx.execute(_SQL["record"], occurred_at, agent_id, action, ticket_id, dict(detail), request_id)


async def insert_views(connection: Tx, views: Sequence[View]) -> None:
    """Add views, at most one for each agent, case and minute."""
    await connection.execute(
        _SQL["record_views"],
        [view.occurred_at for view in views],
        [view.agent_id for view in views],
        [view.ticket_id for view in views],
        [view.request_id for view in views],
    )
