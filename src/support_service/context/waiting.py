"""Cases that wait for a state of their order, a payment or a shipment: opened again when it comes.

A follower of the event log, so that it happens once, and costs the intake of events nothing. It looks at what came by event;
whether the state is there already is asked when a case is to wait for it.
"""

from collections.abc import Sequence
from uuid import UUID

from support_service.cases import Cases, CaseUpdated
from support_service.context.events import TimelineChanged
from support_service.context.service import Context
from support_service.kit import logs
from support_service.kit.database import Tx
from support_service.kit.eventlog import LogRow

_log = logs.get_logger(__name__)


class WaitingCases:
    """Follows the event log for cases that wait."""

    def __init__(self, context: Context, cases: Cases) -> None:
        """Look for what came in this context."""
        self._context = context
        self._cases = cases

    async def follow(self, tx: Tx, rows: Sequence[LogRow]) -> None:
        """Open the cases again whose awaited state has come, also just before they began to wait for it."""
        moved = {row.data["order_id"] for row in rows if row.type == TimelineChanged.type_}
        began = [
            UUID(row.subject) for row in rows if row.type == CaseUpdated.type_ and "waits_for" in row.data["fields"]
        ]
        waiting = await self._cases.waiting(tx, moved, began) if moved or began else []
        if not waiting:
            return
        came = await self._context.events_of(tx, {case.order_id for case in waiting}, None)
        entries = {(fact.order_id, fact.kind): fact.entry_id for fact, _ in came}
        for case in waiting:
            entry_id = entries.get((case.order_id, case.awaited.kind))
            if entry_id is not None and await self._cases.awaited_came(tx, case, entry_id):
                _log.info("case.awaited_came", ticket_id=str(case.ticket_id), kind=case.awaited.kind)
