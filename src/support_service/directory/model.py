"""Who somebody is here, and what lies in their sight: pure rules, no I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
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


@dataclass(frozen=True)  # without slots, for what is worked out once
class Principal:
    """Whoever a verified token stands for; `principal_id` is the `agent_id` in `support_agents`."""

    principal_id: UUID
    issuer: str
    subject: str
    name: str | None
    roles: frozenset[Role]
    teams: frozenset[str]

    @cached_property
    def sight(self) -> "Sight":
        """What they see.

        Of an AGENT who is also an ANALYST the narrower sight counts: all cases are for eyes that see them masked.
        """
        if Role.SERVICE in self.roles:
            return Sight(everything=False, teams=frozenset(), opened_by=self.principal_id)
        everything = Role.SUPERVISOR in self.roles or self.roles == {Role.ANALYST}
        return Sight(everything=everything, teams=self.teams, opened_by=None)

    @cached_property
    def profile(self) -> Profile:
        """What they are shown: masked for those who are no more than ANALYST."""
        return Profile.CLEAR if self.roles - {Role.ANALYST} else Profile.MASKED


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


@dataclass(frozen=True, slots=True)
class Team:
    """A team that cases can be given to; `team` is its id, the same for ever."""

    team: str
    name: str
    version: int
    created_at: datetime
