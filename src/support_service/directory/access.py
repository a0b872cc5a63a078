"""Who may do what: the one place that decides it. `docs/access.md` is this matrix for people, and a test compares them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from support_service.directory.errors import RoleNotAllowed
from support_service.directory.model import Principal, Role


class Action(StrEnum):
    """What can be asked of the service."""

    CASE_OPEN = "case.open"
    CASE_LIST = "case.list"
    CASE_SEARCH = "case.search"
    CASE_READ = "case.read"
    CASE_EDIT = "case.edit"
    MESSAGE_AS_AGENT = "message.as_agent"
    MESSAGE_AS_CUSTOMER = "message.as_customer"
    MESSAGE_AS_BOT = "message.as_bot"
    ATTACHMENT_ADD = "attachment.add"
    ATTACHMENT_READ = "attachment.read"
    TIMELINE_READ = "timeline.read"
    STREAM_READ = "stream.read"
    WORKLOAD_READ = "workload.read"
    FILTER_BY_CUSTOMER = "filter.by_customer"
    CUSTOMER_READ = "customer.read"
    DEAD_LETTER_READ = "dead_letter.read"
    DEAD_LETTER_REPLAY = "dead_letter.replay"
    DELIVERY_READ = "delivery.read"
    DELIVERY_REPORT = "delivery.report"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_EDIT = "webhook.edit"
    TEAM_READ = "team.read"
    TEAM_EDIT = "team.edit"


_WORKERS = frozenset({Role.AGENT, Role.SUPERVISOR})
_OVERSEERS = frozenset({Role.SUPERVISOR})
_PEOPLE = _WORKERS | {Role.ANALYST}
_SERVICE = frozenset({Role.SERVICE})

MATRIX: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        Action.CASE_OPEN: _WORKERS | _SERVICE,
        Action.CASE_LIST: _PEOPLE | _SERVICE,
        Action.CASE_SEARCH: _WORKERS | _SERVICE,
        Action.CASE_READ: _PEOPLE | _SERVICE,
        Action.CASE_EDIT: _WORKERS,
        Action.MESSAGE_AS_AGENT: _WORKERS,
        Action.MESSAGE_AS_CUSTOMER: _WORKERS | _SERVICE,
        Action.MESSAGE_AS_BOT: _SERVICE,
        Action.ATTACHMENT_ADD: _WORKERS | _SERVICE,
        Action.ATTACHMENT_READ: _PEOPLE | _SERVICE,
        Action.TIMELINE_READ: _PEOPLE,
        Action.STREAM_READ: _PEOPLE,
        Action.WORKLOAD_READ: _PEOPLE,
        Action.FILTER_BY_CUSTOMER: _WORKERS | _SERVICE,
        Action.CUSTOMER_READ: _WORKERS,
        Action.DEAD_LETTER_READ: _OVERSEERS,
        Action.DEAD_LETTER_REPLAY: _OVERSEERS,
        Action.DELIVERY_READ: _SERVICE,
        Action.DELIVERY_REPORT: _SERVICE,
        Action.WEBHOOK_READ: _OVERSEERS,
        Action.WEBHOOK_EDIT: _OVERSEERS,
        Action.TEAM_READ: _WORKERS,
        Action.TEAM_EDIT: _OVERSEERS,
    }
)
"""The roles that may do each action, on what lies in their sight."""


def permit(principal: Principal, action: Action) -> None:
    """Return if one of the principal's roles may do this.

    Raises:
        RoleNotAllowed: none may. Decided before anything is looked up, so it tells nothing about what is there.
    """
    if principal.roles.isdisjoint(MATRIX[action]):
        raise RoleNotAllowed(action)
