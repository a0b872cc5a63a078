"""What is known about a case's customer and order: the inbox of shop events and the stored context."""

from support_service.context.events import TimelineChanged
from support_service.context.model import StoredSource
from support_service.context.service import ENRICH, Context

__all__ = ["ENRICH", "Context", "StoredSource", "TimelineChanged"]
