"""What the routes of teams take and give."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from support_service.directory.model import Agent, Team
from support_service.kit.inputs import Printable
from support_service.kit.models import Input, Output
from support_service.kit.words import fold

_LONGEST = 64


TeamId = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST), Printable]
"""As tokens or this service name it."""

NewTeamId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST),
    Printable,
]


class TeamCreate(Input):
    """A new team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Giao hàng", "team": "logistics"}]})

    name: Name = Field(description="For people; it can be changed.")
    team: NewTeamId | None = Field(
        default=None, description="Its id, which cases and filters bear and which stays; made of the name when absent."
    )

    @property
    def id(self) -> str | None:
        """The id, given or made of the name's words; None when the name has none that an id can be made of."""
        made = "-".join(word for word in fold(self.name).split() if word.isascii() and word.isalnum())
        return self.team or made[:_LONGEST] or None


class TeamChange(Input):
    """What to change of a team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Giao hàng"}]})

    name: Name


class TeamResponse(Output):
    """A team."""

    team: str = Field(description="Its id, as cases and filters bear it.")
    name: str
    version: int = Field(description="Grows with each change; the ETag for If-Match.")
    created_at: datetime

    @classmethod
    def of(cls, team: Team) -> Self:
        """A team as it is sent."""
        return cls(team=team.team, name=team.name, version=team.version, created_at=team.created_at)


class TeamPage(Output):
    """A page of teams, by their ids."""

    items: tuple[TeamResponse, ...]
    kept_here: bool = Field(description="Whether supervisors change teams here; else access tokens tell them.")
    next_cursor: str | None


class MemberResponse(Output):
    """A member of a team."""

    agent_id: UUID
    name: str | None
    roles: tuple[str, ...]

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """A member as it is sent."""
        return cls(agent_id=agent.agent_id, name=agent.name, roles=tuple(sorted(agent.roles)))


class MemberPage(Output):
    """A page of members, by their ids."""

    items: tuple[MemberResponse, ...]
    next_cursor: str | None
