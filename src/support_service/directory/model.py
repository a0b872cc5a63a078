"""Who somebody is here, and what lies in their sight: pure rules, no I/O."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What somebody is here for."""

    AGENT = "AGENT"
    SUPERVISOR = "SUPERVISOR"
    ANALYST = "ANALYST"
    SERVICE = "SERVICE"
    """A machine client: a storefront, a chat bot, a mail gateway. Whoever has this role has no other."""


class Profile(StrEnum):
    """How much of personal data and text a reader is shown."""

    CLEAR = "clear"
    MASKED = "masked"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a verified token stands for; `principal_id` is the `agent_id` in `support_agents`."""

    principal_id: UUID
    issuer: str
    subject: str
    name: str | None
    roles: frozenset[Role]
    teams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody as of their last sign-in."""

    agent_id: UUID
    name: str | None
    roles: frozenset[Role]
    teams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sight:
    """Which cases somebody sees: all; or those they opened, if `opened_by` is set; or those of `teams` and of none."""

    everything: bool
    teams: frozenset[str]
    opened_by: UUID | None

    def sees(self, team: str | None, opened_by: UUID) -> bool:
        """Whether a case that lies with `team` (None: with no team) and was opened by `opened_by` is in sight."""
        if self.everything:
            return True
        if self.opened_by is not None:
            return opened_by == self.opened_by
        return team is None or team in self.teams


def sight(principal: Principal) -> Sight:
    """What a principal sees.

    Of an AGENT who is also an ANALYST the narrower sight counts: all cases are for eyes that see them masked.
    """
    if Role.SERVICE in principal.roles:
        return Sight(everything=False, teams=frozenset(), opened_by=principal.principal_id)
    everything = Role.SUPERVISOR in principal.roles or principal.roles == {Role.ANALYST}
    return Sight(everything=everything, teams=principal.teams, opened_by=None)


def profile_of(principal: Principal) -> Profile:
    """What a principal is shown: masked for those who are no more than ANALYST."""
    return Profile.CLEAR if principal.roles - {Role.ANALYST} else Profile.MASKED
