"""Cases and their conversations: what they are, how they change, who sees them."""

from support_service.cases import metrics
from support_service.cases.errors import AwaitedAlready, CaseNotFound
from support_service.cases.events import (
    AwaitedCame,
    CaseAssigned,
    CaseClosed,
    CaseOpened,
    CaseUpdated,
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
from support_service.cases.service import Cases, Conversation, Opened, Posted, Workload, in_sight, must_see
from support_service.cases.store import Filters, is_live

__all__ = [
    "AuthorType",
    "Awaited",
    "AwaitedAlready",
    "AwaitedCame",
    "CaseAssigned",
    "CaseClosed",
    "CaseFacts",
    "CaseNotFound",
    "CaseOpened",
    "CaseUpdated",
    "Cases",
    "Channel",
    "Conversation",
    "Filters",
    "Message",
    "MessagePosted",
    "NewCase",
    "NewMessage",
    "Opened",
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
]
