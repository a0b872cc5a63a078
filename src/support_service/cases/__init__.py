"""Cases and their conversations: what they are, how they change, who sees them."""

from support_service.cases import metrics
from support_service.cases.carrying import Carrying
from support_service.cases.delivery import Delivery, DeliveryState, FailureReason, Parcel
from support_service.cases.errors import AwaitedAlready, CaseNotFound
from support_service.cases.events import (
    AwaitedCame,
    CaseAssigned,
    CaseClosed,
    CaseOpened,
    CaseUpdated,
    DeliveryChanged,
    MessagePosted,
    StatusChanged,
)
from support_service.cases.model import (
    AuthorType,
    Awaited,
    CaseFacts,
    Channel,
    Message,
    NewCase,
    NewMessage,
    Priority,
    Response,
    Status,
    Ticket,
)
from support_service.cases.search import Found
from support_service.cases.service import Cases, Conversation, Opened, Posted, Workload, in_sight, must_see
from support_service.cases.store import Filters, is_live
from support_service.cases.watching import watched

__all__ = [
    "AuthorType",
    "Awaited",
    "AwaitedAlready",
    "AwaitedCame",
    "Carrying",
    "CaseAssigned",
    "CaseClosed",
    "CaseFacts",
    "CaseNotFound",
    "CaseOpened",
    "CaseUpdated",
    "Cases",
    "Channel",
    "Conversation",
    "Delivery",
    "DeliveryChanged",
    "DeliveryState",
    "FailureReason",
    "Filters",
    "Found",
    "Message",
    "MessagePosted",
    "NewCase",
    "NewMessage",
    "Opened",
    "Parcel",
    "Posted",
    "Priority",
    "Response",
    "Status",
    "StatusChanged",
    "Ticket",
    "Workload",
    "in_sight",
    "is_live",
    "metrics",
    "must_see",
    "watched",
]
