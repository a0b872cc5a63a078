"""What operators watch about cases."""

from prometheus_client import Counter, Gauge, Histogram

CREATED = Counter("support_ticket_created_total", "Cases opened.", ["channel"])
RESPONSE_SECONDS = Histogram(
    "support_response_time_seconds",
    "From a customer's first unanswered message to the next public reply of an agent.",
    ["kind", "channel"],
    buckets=(15, 30, 60, 120, 180, 240, 300, 420, 600, 900, 1800, 3600, 14400, 86400),
)
REPORTS = Counter("support_reply_reports_total", "Reports that changed how the delivery of a reply stands.", ["state"])
QUEUED_SECONDS = Gauge(
    "support_reply_queued_seconds", "How long the reply that waits longest for its carrier has waited."
)
SEARCHES = Counter("support_case_search_total", "Searches by words.", ["way"])
BACKLOG = Gauge("support_backlog_cases", "Unfinished cases.", ["status", "priority"])
UNANSWERED = Gauge("support_unanswered_cases", "Unfinished cases in which a customer waits for an answer.")
LONGEST_WAIT_SECONDS = Gauge("support_longest_wait_seconds", "How long the customer who waits longest has waited.")
