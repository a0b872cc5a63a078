"""What operators watch about webhooks."""

from prometheus_client import Counter, Gauge

ATTEMPTS = Counter(
    "support_webhook_attempts_total", "Attempts to deliver, by what became of the delivery.", ["outcome"]
)
SWITCHED_OFF = Counter(
    "support_webhook_switched_off_total", "Webhooks that were switched off by themselves.", ["reason"]
)
SUBSCRIPTIONS = Gauge("support_webhook_subscriptions", "Webhooks, by whether they are on, or why not.", ["state"])
OLDEST_DUE_SECONDS = Gauge("support_webhook_oldest_due_seconds", "How long the delivery due longest has been due.")
