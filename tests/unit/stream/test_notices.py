"""What a row of the event log means to somebody who looks at cases."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from support_service.cases import (
    AuthorType,
    CaseAssigned,
    CaseClosed,
    CaseFacts,
    CaseOpened,
    Channel,
    MessagePosted,
    Priority,
    Status,
    StatusChanged,
)
from support_service.cases.events import CaseUpdated
from support_service.context import TimelineChanged
from support_service.directory import Sight
from support_service.kit.eventlog import LoggedEvent, LogRow
from support_service.stream.notices import Notice, notices, orders_in, tickets_in

NOBODY = uuid4()
ALL = Sight(everything=True, teams=frozenset(), opened_by=None)
ORDERS = Sight(everything=False, teams=frozenset({"orders"}), opened_by=None)
PAYMENTS = Sight(everything=False, teams=frozenset({"payments"}), opened_by=None)


def row(event: LoggedEvent, position: int = 7) -> LogRow:
    data = event.model_dump(mode="json")
    return LogRow(position, uuid4(), event.type_, "subject", 1, json.dumps(data), datetime.now(UTC), None)


def case(team: str | None = None, ticket_id: UUID | None = None) -> CaseFacts:
    return CaseFacts(ticket_id or uuid4(), 1, 0, "c-1", "o-1", team, NOBODY)


def told(notice: Notice, sight: Sight) -> tuple[int, str, dict[str, Any]] | None:
    found = notice.frame(sight)
    if found is None:
        return None
    position, event, data, *rest = found.decode().split("\n")
    assert rest == ["", ""]
    return int(position.removeprefix("id: ")), event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_every_event_of_a_case_is_told_by_ids_and_codes_but_that_it_is_closed_which_its_status_says() -> None:
    ours = case()
    common: dict[str, Any] = {"ticket_id": ours.ticket_id, "team": None}
    events: list[LoggedEvent] = [
        CaseOpened(
            customer_id="c-1",
            order_id=None,
            channel=Channel.WEB,
            priority=Priority.HIGH,
            linked_ticket_id=None,
            **common,
        ),
        MessagePosted(conversation_id=NOBODY, number=2, author_type=AuthorType.AGENT, internal=True, **common),
        StatusChanged(before=Status.OPEN, after=Status.CLOSED, **common),
        CaseClosed(closed_at=datetime.now(UTC), **common),
        CaseAssigned(assignee=NOBODY, team_before=None, **common),
        CaseUpdated(fields=("subject",), customer_id="c-1", order_id=None, **common),
    ]
    rows = [row(event, position) for position, event in enumerate(events)]
    assert tickets_in(rows) == {ours.ticket_id}
    assert orders_in(rows) == set()
    found = [told(notice, ALL) for notice in notices(rows, {ours.ticket_id: ours}, {})]
    tickets = {"ticket_ids": [str(ours.ticket_id)]}
    assert found == [
        (0, "case.created", tickets | {"channel": "WEB", "priority": "HIGH", "team": None}),
        (
            1,
            "message.posted",
            tickets | {"conversation_id": str(NOBODY), "number": 2, "author_type": "AGENT", "internal": True},
        ),
        (2, "case.changed", tickets | {"status": "CLOSED"}),
        (4, "case.changed", tickets | {"assignee": str(NOBODY), "team": None}),
        (5, "case.changed", tickets | {"fields": ["subject"]}),
    ]
    assert "c-1" not in str(found)


def test_a_timeline_that_moved_is_told_of_the_cases_in_sight_only_and_to_nobody_who_sees_none() -> None:
    moved = row(TimelineChanged(customer_id="c-1", order_id="o-1", source="fraud", entry_id="fraud:f:1"))
    assert orders_in([moved]) == {("c-1", "o-1")}
    seen, unseen = case("orders"), case("returns")
    (notice,) = notices([moved], {}, {("c-1", "o-1"): [seen, unseen]})
    entry = {"order_id": "o-1", "source": "fraud", "entry_id": "fraud:f:1"}
    assert told(notice, ORDERS) == (7, "timeline.moved", {"ticket_ids": [str(seen.ticket_id)]} | entry)
    assert told(notice, PAYMENTS) is None
    assert notices([moved], {}, {}) == []


def test_who_loses_a_case_is_told_that_it_changed_and_then_nothing_more() -> None:
    ours = case("payments")
    common: dict[str, Any] = {"ticket_id": ours.ticket_id, "team": "payments"}
    rows = [
        row(CaseAssigned(assignee=None, team_before="orders", **common)),
        row(StatusChanged(before=Status.OPEN, after=Status.PENDING, **common)),
    ]
    assigned, status = notices(rows, {ours.ticket_id: ours}, {})
    assert told(assigned, ORDERS) is not None
    assert told(status, ORDERS) is None
    assert told(status, PAYMENTS) is not None


def test_a_case_that_is_not_there_any_more_and_a_row_of_another_kind_are_not_told() -> None:
    class SomethingElse(LoggedEvent):
        type_ = "support.something.else"

    gone = StatusChanged(ticket_id=uuid4(), before=Status.OPEN, after=Status.PENDING, team=None)
    assert notices([row(SomethingElse()), row(gone)], {}, {}) == []
