"""Publishing the event log: each row one CloudEvent in binary mode, ids and codes only, as the log holds no free text."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache

from support_service.kit.database import Tx
from support_service.kit.eventlog import LogRow
from support_service.kit.traces import traceparent
from support_service.ports.publisher import OutgoingEvent, Publisher

PUBLISHED_AT_ONCE = 4_000
"""Events that are handed over together at most: each batch waits until all of it is kept."""


class Publishing:
    """A follower of the event log."""

    def __init__(self, publisher: Publisher) -> None:
        """Publish here."""
        self._publisher = publisher

    async def follow(self, _tx: Tx, rows: Sequence[LogRow]) -> None:
        """Publish a batch; the cursor moves once all of it is kept.

        Raises:
            PublisherError: it may not be; the batch is published again.
        """
        await self._publisher.publish([outgoing(row) for row in rows])


def outgoing(row: LogRow) -> OutgoingEvent:
    """A row of the log as a CloudEvent 1.0 (binary mode of the Kafka binding), keyed by what its order is about.

    `id` is the same however often it comes, `sequence` grows with each event of the subject, `position` with each of the log.
    `traceparent` (W3C Trace Context, CloudEvents' extension for it) goes on with the trace of the request that caused it.
    """
    position, event_id, type_, subject, sequence, body, occurred_at, trace = row
    headers = [
        *_of_type(type_),
        ("ce_id", str(event_id)),
        ("ce_subject", subject),
        ("ce_time", _time(occurred_at)),
        ("ce_sequence", str(sequence)),
        ("ce_position", str(position)),
    ]
    if trace is not None:
        headers += _trace(trace, event_id.hex[-16:])
    return OutgoingEvent(type_, subject, body, headers)


@cache
def _of_type(type_: str) -> tuple[tuple[str, str], ...]:
    return (
        ("content-type", "application/json"),
        ("ce_specversion", "1.0"),
        ("ce_source", "/support-service"),
        ("ce_type", type_),
    )


@lru_cache(maxsize=64)
def _time(at: datetime) -> str:
    """What was written together has one time, which costs more to spell than all else of an event."""
    return at.isoformat(timespec="microseconds")


def _trace(trace: str, span: str) -> tuple[tuple[str, str], ...]:
    request, parent = ("ce_requestid", trace), traceparent(trace, span)
    return (request,) if parent is None else (request, ("ce_traceparent", parent))
