"""What operators watch about the account of activity."""

from prometheus_client import Counter, Gauge

VIEWS_WAITING = Gauge(
    "support_activity_views_waiting", "Case views seen but not written yet, at most a second's worth."
)
VIEWS_WRITTEN = Counter("support_activity_views_total", "Case views written; `direct` when too many waited.", ["mode"])
VIEW_FAILURES = Counter("support_activity_view_failures_total", "Batches of case views that have to be written again.")
DENIALS = Counter("support_activity_denials_total", "Refusals recorded, by what was refused.", ["action"])
