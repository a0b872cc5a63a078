"""What is known about a case's customer and order: the inbox of shop events and the stored context."""

from support_service.context.dead_letters import DeadLetters
from support_service.context.events import TimelineChanged
from support_service.context.model import StoredSource
from support_service.context.routes import create_dead_letter_routes
from support_service.context.service import ENRICH, Context
from support_service.context.waiting import WaitingCases

__all__ = [
    "ENRICH",
    "Context",
    "DeadLetters",
    "StoredSource",
    "TimelineChanged",
    "WaitingCases",
    "create_dead_letter_routes",
]
