"""What clients asked for in a campaign of cases and what they were told; what receivers and readers of the stream got."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What a client knows of a request."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """There was no answer, or not yet: it may have had its effect."""


@dataclass(slots=True)
class Said:
    """A case or a message that was asked for; `mark` is its text, and no other's."""

    mark: str
    opens: bool
    """A case, whose first message bears the mark."""
    outcome: Outcome = Outcome.UNKNOWN
    ticket_id: str = ""
    """As it was answered."""
    conversation_id: str = ""
    """Of a message, as it was answered."""


@dataclass(slots=True)
class Change:
    """A change of a case that was asked for at one version of it; `mark` is the category that it sets."""

    ticket_id: str
    version: int
    mark: str
    outcome: Outcome = Outcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody was shown a case, at these times of the machine's clock, by whatever listened at `url`."""

    agent_id: str
    ticket_id: str
    url: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Life:
    """An API process, from when it was started to when it was seen to have been killed."""

    url: str
    began: float
    ended: float


@dataclass(slots=True)
class History:
    """All of it."""

    said: list[Said] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    """Of those that were killed."""
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    """The id and the body of each post that a receiver has taken, and of those that it has not."""
    told: list[int] = field(default_factory=list)
    """The positions of the stream's events, in the order in which a reader got them, over all resumptions."""
    gaps: int = 0
    """That the stream told of."""
    resumed: int = 0
    """How often the stream was gone on with."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Of every answer."""
    refused: Counter[str] = field(default_factory=Counter)
    """As it is right to be when others work on the same case, by the problem told."""
    broken: int = 0
    """Requests that got none."""
