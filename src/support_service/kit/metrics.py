"""Metrics of the process itself; each slice keeps those of its own subject in its own `metrics.py`.

Names and labels are a public interface (docs/operations.md lists them all). Labels are templates and codes, never
identifiers.
"""

from bisect import bisect_right
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram


class BatchHistogram(Histogram):
    """A histogram that takes a batch in at once, for a tenth of what its amounts cost one by one."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observe each of these amounts."""
        self._sum.inc(sum(amounts))
        ordered, counted = sorted(amounts), 0
        for bucket, bound in zip(self._buckets, self._upper_bounds, strict=True):
            up_to_bound = bisect_right(ordered, bound, counted)
            if up_to_bound > counted:
                bucket.inc(up_to_bound - counted)
            counted = up_to_bound


REQUEST_SECONDS = Histogram(
    "support_http_request_seconds",
    "Time from a request's first byte to the last byte of its answer.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RATE_LIMITED = Counter("support_rate_limited_total", "Requests refused as their sender asked too often.", ["operation"])
LOG_APPENDED = Counter("support_log_appended_total", "Rows added to the event log.", ["type"])
LOG_STAMPED = Counter("support_log_stamped_total", "Rows of the event log given their position by this relay.")
FOLLOWER_HANDLED = Counter("support_log_followed_total", "Rows of the event log handled.", ["follower"])
FOLLOWER_ERRORS = Counter("support_log_follower_errors_total", "Batches a log follower failed on.", ["follower"])
DUE_DONE = Counter("support_due_work_total", "Due rows worked off, by how it went.", ["kind", "outcome"])
DEAD_LETTERS = Counter(
    "support_dead_letters_total", "Messages set aside as they could not be used.", ["topic", "reason"]
)
DEAD_LETTERS_WAITING = Gauge("support_dead_letters_waiting", "Dead letters kept.")
LOG_UNSTAMPED = Gauge("support_log_unstamped_rows", "Rows of the event log that wait for their position.")
LOG_UNSTAMPED_SECONDS = Gauge("support_log_unstamped_seconds", "How long the oldest of them has waited.")
FOLLOWER_BEHIND = Gauge("support_log_follower_behind", "Positions a follower's cursor is behind.", ["follower"])
