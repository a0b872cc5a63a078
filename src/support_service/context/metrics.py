"""What operators watch about shop events and the context of cases."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter

from support_service.kit.metrics import BatchHistogram
from support_service.ports.events import Record
from support_service.sources import BY_TOPIC, ShopEvent

INGESTED = Counter("support_shop_events_total", "Shop events taken in, by whether they were new.", ["topic", "outcome"])
INGEST_AGE_SECONDS = BatchHistogram(
    "support_shop_event_age_seconds",
    "From the moment the shop produced an event to the moment it was stored here.",
    ["topic"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
ENRICHED = Counter("support_context_enriched_total", "Contexts of cases filled, by completeness.", ["outcome"])


def ingested(records: Sequence[Record], new: Sequence[ShopEvent], at: datetime) -> None:
    """Count a batch that is committed: what came, and which events of it were new."""
    at_s = at.timestamp()
    new_of = Tally([event.source for event in new])
    ages: dict[str, list[float]] = defaultdict(list)
    for record in records:
        age = at_s - record.timestamp
        ages[record.topic].append(age if age > 0 else 0.0)
    for topic, of_topic in ages.items():
        new_of_topic = new_of[BY_TOPIC[topic].name]
        INGESTED.labels(topic, "new").inc(new_of_topic)
        INGESTED.labels(topic, "seen").inc(len(of_topic) - new_of_topic)
        INGEST_AGE_SECONDS.labels(topic).observe_all(of_topic)
