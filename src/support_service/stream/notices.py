"""What a row of the event log means to somebody who looks at cases: pure rules.

A notice says that something is not as it was and where to look: ids and codes, as the log holds nothing else. Of several
cases one row is about, each reader is told of those in their sight; who sees none of them is told nothing.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from support_service.cases import (
    AwaitedCame,
    CaseAssigned,
    CaseFacts,
    CaseOpened,
    CaseUpdated,
    DeliveryChanged,
    MessagePosted,
    StatusChanged,
)
from support_service.context import TimelineChanged
from support_service.directory import Sight
from support_service.kit.eventlog import LogRow

GAP = "gap"
CREATED, CHANGED, CAME = "case.created", "case.changed", "awaited.came"
POSTED, CARRIED, MOVED = "message.posted", "delivery.changed", "timeline.moved"

_Told = Callable[[Mapping[str, Any]], dict[str, Any]]


def _fields(*names: str) -> _Told:
    return lambda data: {name: data[name] for name in names}


_NOTICES: Mapping[str, tuple[str, _Told]] = {
    CaseOpened.type_: (CREATED, _fields("channel", "priority", "team")),
    StatusChanged.type_: (CHANGED, lambda data: {"status": data["after"]}),
    CaseAssigned.type_: (CHANGED, _fields("assignee", "team")),
    CaseUpdated.type_: (CHANGED, _fields("fields")),
    AwaitedCame.type_: (CAME, _fields("source", "status", "entry_id", "assignee")),
    MessagePosted.type_: (POSTED, _fields("conversation_id", "number", "author_type", "internal")),
    DeliveryChanged.type_: (CARRIED, _fields("conversation_id", "number", "state", "reason", "assignee")),
    TimelineChanged.type_: (MOVED, _fields("order_id", "source", "entry_id")),
}
"""By the type of the row; others (a case that is closed has changed its status, too) are not told."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event for whoever sees one of its cases."""

    position: int
    event: str
    cases: Sequence[CaseFacts]
    told: Mapping[str, Any]
    left_team: str | None = None
    """Those who saw the case until now, as it lay with their team, are told that it changed, too."""

    def frame(self, sight: Sight) -> bytes | None:
        """The notice as it is sent to whoever has this sight; None when it is not for them."""
        seen = [str(facts.ticket_id) for facts in self.cases if self._is_for(sight, facts)]
        return frame(self.position, self.event, {"ticket_ids": seen} | dict(self.told)) if seen else None

    def _is_for(self, sight: Sight, facts: CaseFacts) -> bool:
        if sight.sees(facts.team, facts.opened_by):
            return True
        return self.left_team is not None and sight.sees(self.left_team, facts.opened_by)


def frame(position: int, event: str, data: Mapping[str, Any]) -> bytes:
    """One event in the format of the HTML standard's `text/event-stream`."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {position}\nevent: {event}\ndata: {body}\n\n".encode()


def tickets_in(rows: Sequence[LogRow]) -> set[UUID]:
    """The cases that rows name."""
    return {UUID(row.data["ticket_id"]) for row in rows if row.type in _NOTICES and "ticket_id" in row.data}


def orders_in(rows: Sequence[LogRow]) -> set[tuple[str, str]]:
    """The (customer, order) whose timelines rows say have moved."""
    return {(row.data["customer_id"], row.data["order_id"]) for row in rows if row.type == TimelineChanged.type_}


def notices(
    rows: Sequence[LogRow], cases: Mapping[UUID, CaseFacts], about: Mapping[tuple[str, str], Collection[CaseFacts]]
) -> list[Notice]:
    """The notices in rows of the log, in their order.

    Args:
        rows: as they stand in the log.
        cases: the cases that `tickets_in` names, as they are now.
        about: the cases that show the timelines that `orders_in` names.
    """
    return [found for row in rows if (found := _notice(row, cases, about)) is not None]


def _notice(
    row: LogRow, cases: Mapping[UUID, CaseFacts], about: Mapping[tuple[str, str], Collection[CaseFacts]]
) -> Notice | None:
    if row.type not in _NOTICES:
        return None
    event, told = _NOTICES[row.type]
    if row.type == TimelineChanged.type_:
        concerned = list(about.get((row.data["customer_id"], row.data["order_id"]), ()))
    else:
        concerned = [facts] if (facts := cases.get(UUID(row.data["ticket_id"]))) is not None else []
    left = row.data["team_before"] if row.type == CaseAssigned.type_ else None
    return Notice(row.position, event, concerned, told(row.data), left) if concerned else None
