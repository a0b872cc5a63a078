"""Metrics of reading the sources: which failed where and why, how long reads take, what was left out."""

from prometheus_client import Counter, Gauge, Histogram

REFRESH_ERRORS = Counter(
    "support_timeline_refresh_errors_total",
    "Reads of a source that one backend (lake, rest) did not answer.",
    ["source", "backend", "reason"],
)
READ_SECONDS = Histogram(
    "support_source_read_seconds",
    "Time a backend took to answer one read, or to fail.",
    ["backend", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8),
)
FACTS_DROPPED = Counter(
    "support_source_facts_dropped_total",
    "Facts left out of an answer: another customer's, malformed, or not asked for.",
    ["source", "reason"],
)
LEARN_FAILURES = Counter(
    "support_order_subjects_failures_total", "Times that whose an order is was read, but could not be written down."
)
BREAKER_STATE = Gauge(
    "support_breaker_state", "State of the breaker before a backend: 0 closed, 1 half open, 2 open.", ["backend"]
)
BREAKER_OPENED = Counter("support_breaker_opened_total", "Times a breaker opened.", ["backend"])
BATCH_IDS = Histogram(
    "support_lake_batch_ids",
    "Orders, or customers, that one query of the lake asked for.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
BATCH_TIMEOUTS = Counter("support_lake_batch_timeouts_total", "Reads that waited too long for their query.")
RIDES = Counter(
    "support_lake_rides_total",
    "Queries of crowds, by whether they were shared with other processes: led, rode, failed, stranded, alone.",
    ["how"],
)
