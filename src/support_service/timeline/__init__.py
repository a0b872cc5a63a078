"""The timeline: one merged, honest account of a case's order, payment, shipment, fraud and feedback facts."""

from support_service.timeline.model import DEFAULT_LIMIT, CaseKey, floor_key
from support_service.timeline.schemas import TimelineEntry, TimelineResponse
from support_service.timeline.service import Served, Timeline
from support_service.timeline.sharing import SharedPages

__all__ = [
    "DEFAULT_LIMIT",
    "CaseKey",
    "Served",
    "SharedPages",
    "Timeline",
    "TimelineEntry",
    "TimelineResponse",
    "floor_key",
]
