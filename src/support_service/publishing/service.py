"""Publishing the event log: each row one CloudEvent in binary mode, ids and codes only, as the log holds no free text."""

import json
from collections.abc import Sequence

from support_service.kit.database import Tx
from support_service.kit.eventlog import LogRow
from support_service.kit.traces import traceparent
from support_service.ports.publisher import OutgoingEvent, Publisher

_SOURCE = "/support-service"


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
    attributes = {
        "specversion": "1.0",
        "id": str(row.event_id),
        "source": _SOURCE,
        "type": row.type,
        "subject": row.subject,
        "time": row.occurred_at.isoformat(timespec="microseconds"),
        "sequence": str(row.sequence),
        "position": str(row.position),
    }
    if row.trace is not None:
        attributes["requestid"] = row.trace
        parent = traceparent(row.trace, row.event_id.hex[-16:])
        attributes |= {} if parent is None else {"traceparent": parent}
    headers = (
        ("content-type", b"application/json"),
        *((f"ce_{name}", value.encode()) for name, value in attributes.items()),
    )
    value = json.dumps(row.data, ensure_ascii=False, separators=(",", ":")).encode()
    return OutgoingEvent(row.type, row.subject, value, headers)
