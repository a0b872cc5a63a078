"""A row of the event log as a CloudEvent."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from support_service.kit.eventlog import LogRow
from support_service.publishing.service import outgoing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def headers(trace: str | None) -> dict[str, str]:
    row = LogRow(
        position=3,
        event_id=UUID("01a21637-c5d9-7a59-b1df-3a5e4eaaf163"),
        type="support.case.closed",
        subject="s-1",
        sequence=2,
        body="{}",
        occurred_at=datetime(2026, 6, 1, tzinfo=UTC),
        trace=trace,
    )
    return dict(outgoing(row).headers)


def test_an_event_goes_on_with_the_trace_of_the_request_that_caused_it() -> None:
    told = headers(TRACE)
    assert told["ce_requestid"] == TRACE
    assert told["ce_traceparent"] == f"00-{TRACE}-b1df3a5e4eaaf163-01"


@pytest.mark.parametrize("trace", ["a-request-of-mine", "0" * 32, TRACE[:-1], TRACE.upper()])
def test_a_request_that_is_no_trace_leads_to_none(trace: str) -> None:
    told = headers(trace)
    assert told["ce_requestid"] == trace
    assert "ce_traceparent" not in told


def test_what_no_request_caused_names_none() -> None:
    assert not {"ce_requestid", "ce_traceparent"} & headers(None).keys()
