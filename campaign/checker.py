"""What must be true after a campaign of shop events, counted in the tables and in the topic; pure SQL, and no code of the service."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from campaign.verdict import LOG, Verdict, hold_all, number, rows_of
from support_service.kit.database import Database

_TABLES: Mapping[str, str] = {
    "events in the inbox": """
        SELECT order_id, source, entity_id, version, event_id, customer_id, occurred_at, data
        FROM support_timeline_events""",
    "facts in the contexts of cases": """
        SELECT c.customer_id, c.order_id, source, fact.key, fact.value
        FROM support_case_context c JOIN support_tickets t USING (ticket_id), jsonb_each(c.facts) AS fact
        ORDER BY 1, 2, 3, 4""",
    "changes of timelines in the log": """
        SELECT subject, data->>'entry_id', count(*) FROM event_log WHERE type = 'support.timeline.changed'
        GROUP BY 1, 2 ORDER BY 1, 2""",
    "generations of customers": "SELECT customer_id, generation FROM support_customers ORDER BY 1",
    "whose orders are": "SELECT order_id, customer_id, origin FROM order_subjects ORDER BY order_id",
}
"""What has to be the same whether events came once and in order, or as they came."""

_DEAD_LETTERS = "SELECT count(*) FROM dead_letters"
_HISTORY: Mapping[str, str] = {
    **LOG,
    "entries told twice": """
        SELECT count(*) FROM (
            SELECT FROM event_log WHERE type = 'support.timeline.changed' GROUP BY data->>'entry_id' HAVING count(*) > 1
        ) AS twice""",
}


async def judge(service: Database, reference: Database, verdict: Verdict, *, poison: int) -> None:
    """Hold the service's database to the one that got each event once and in order."""
    for what, query in _TABLES.items():
        ours, theirs = Counter(await rows_of(service, query)), Counter(await rows_of(reference, query))
        verdict.hold(what, ours.total(), theirs.total())
        lost, extra = theirs - ours, ours - theirs
        if lost or extra:
            verdict.wrong.append(f"{what}: {lost.total()} lost, {extra.total()} too many: {[*lost, *extra][:2]}")
    verdict.hold("dead letters", await number(service, _DEAD_LETTERS), poison)
    await hold_all(service, _HISTORY, verdict)


async def judge_topic(service: Database, servers: str, topic: str, verdict: Verdict) -> None:
    """Hold what was published to the log: all of it, each subject's events for the first time in the log's order."""
    told = await asyncio.to_thread(_read, servers, topic)
    logged = {str(row[0]) for row in await rows_of(service, "SELECT event_id FROM event_log")}
    newest: dict[str, int] = {}
    seen: set[str] = set()
    back = 0
    for event_id, subject, position in told:
        if event_id in seen:
            continue
        seen.add(event_id)
        back += position < newest.get(subject, 0)
        newest[subject] = position
    verdict.hold("events published", len(seen), len(logged))
    verdict.hold("published out of their subject's order", back, 0)
    verdict.hold("published and not in the log", len(seen - logged), 0)
    verdict.counts["published more than once"] = len(told) - len(seen)


def _read(servers: str, topic: str) -> Sequence[tuple[str, str, int]]:
    """The id, subject and position of each record of a topic, a partition in its order."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "campaign-checker", "enable.partition.eof": True})
    found: list[tuple[str, str, int]] = []
    try:
        partitions = consumer.list_topics(topic, 10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        left = set(partitions)
        while left:
            for message in consumer.consume(1_000, 10) or []:
                error = message.error()
                if error is None:
                    headers: dict[str, Any] = dict(message.headers() or [])
                    place = int(headers["ce_position"])
                    found.append((headers["ce_id"].decode(), headers["ce_subject"].decode(), place))
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own errors are named so
                    left.discard(message.partition())
    finally:
        consumer.close()
    return found
