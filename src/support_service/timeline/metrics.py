"""What operators watch about timelines; refresh errors are counted where they happen, in `sources`."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

READS = Counter("support_timeline_reads_total", "First pages read, by how the cache answered.", ["cache"])
HITS = READS.labels("hit")
FILL_SECONDS = Histogram(
    "support_timeline_fill_seconds",
    "Time to put a timeline together from its sources.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8),
)
SOURCE_STATES = Counter(
    "support_timeline_sources_total", "Sources in timelines put together.", ["source", "status", "served_from"]
)
source_state = lru_cache(maxsize=1_000)(SOURCE_STATES.labels)
"""The counter of a source, its status and where it was served from: looking it up costs more than counting."""
STORES_REFUSED = Counter(
    "support_timeline_stores_refused_total", "Fills not stored because the truth had moved meanwhile."
)
SHARED = Counter(
    "support_timeline_shared_total",
    "Fills by what the shared cache had: a page (taken), one below the customer's generation (outdated), "
    "the right to fill (leased), or nothing (alone).",
    ["outcome"],
)
