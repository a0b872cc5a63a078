"""The shop's truth: what a source is, the facts of all of them, where they are read and whose they are.

Owns `order_subjects` and `order_owner_changes`. A new source (returns, loyalty) is one new file with a `Source`, named in `catalog.SOURCES`.
"""

from support_service.sources import subjects
from support_service.sources.catalog import BY_TOPIC, SOURCES, masked, summary, timeline_selects, timeline_view_sql
from support_service.sources.inbound import EventReader, ReadEvents, event_reader
from support_service.sources.known_owners import KnownOwners
from support_service.sources.mapping import MappingError, Mappings, mappings_in
from support_service.sources.model import Fact, Fetched, FetchKey, ServedFrom, ShopEvent, SourceState, Status
from support_service.sources.ordering import ordered
from support_service.sources.ownership import may_see, owners_told
from support_service.sources.service import Sources
from support_service.sources.source import Source
from support_service.sources.warming import LakeWarming

__all__ = [
    "BY_TOPIC",
    "SOURCES",
    "EventReader",
    "Fact",
    "FetchKey",
    "Fetched",
    "KnownOwners",
    "LakeWarming",
    "MappingError",
    "Mappings",
    "ReadEvents",
    "ServedFrom",
    "ShopEvent",
    "Source",
    "SourceState",
    "Sources",
    "Status",
    "event_reader",
    "mappings_in",
    "masked",
    "may_see",
    "ordered",
    "owners_told",
    "subjects",
    "summary",
    "timeline_selects",
    "timeline_view_sql",
]
