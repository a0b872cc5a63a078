"""Metrics of talking to Trino: how queries failed in its own words, how many were taken back, how often it was asked again."""

from prometheus_client import Counter

ERRORS = Counter(
    "support_trino_errors_total",
    "Queries that Trino did not answer, by the name of its error; of ours: DEADLINE, UNREACHABLE, UNREADABLE, TOO_LARGE, HTTP_nnn.",
    ["error"],
)
CANCELLED = Counter("support_trino_cancelled_total", "Queries taken back as their caller had given up.")
RETRIES = Counter("support_trino_retries_total", "Requests sent to Trino again, by why.", ["reason"])
SICK_CATALOGS = Counter(
    "support_trino_catalog_blamed_total",
    "Times a source's catalog was found to be away while others answered.",
    ["source"],
)
