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
    headers = (
        *_of_type(row.type),
        ("ce_id", str(row.event_id).encode()),
        ("ce_subject", row.subject.encode()),
        ("ce_time", _time(row.occurred_at)),
        ("ce_sequence", b"%d" % row.sequence),
        ("ce_position", b"%d" % row.position),
        *(() if row.trace is None else _trace(row.trace, row.event_id.hex[-16:])),
    )
    return OutgoingEvent(row.type, row.subject, row.body.encode(), headers)


@cache
def _of_type(type_: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/support-service"),
        ("ce_type", type_.encode()),
    )


@lru_cache(maxsize=64)
def _time(at: datetime) -> bytes:
    """What was written together has one time, which costs more to spell than all else of an event."""
    return at.isoformat(timespec="microseconds").encode()


def _trace(trace: str, span: str) -> tuple[tuple[str, bytes], ...]:
    request, parent = ("ce_requestid", trace.encode()), traceparent(trace, span)
    return (request,) if parent is None else (request, ("ce_traceparent", parent.encode()))
