"""What happens to cases, posted to those who asked for it: signed, again until it is taken, with a log of every attempt.

Owns the subscriptions and their deliveries. It follows the event log with a cursor of its own; what is sent are ids and codes.
"""

from support_service.webhooks.deliveries import Deliveries
from support_service.webhooks.jobs import WebhookJobs
from support_service.webhooks.routes import create_webhook_routes
from support_service.webhooks.sending import Sender
from support_service.webhooks.service import FORGET, Webhooks

__all__ = ["FORGET", "Deliveries", "Sender", "WebhookJobs", "Webhooks", "create_webhook_routes"]
