"""The people of the demo: who may be signed in by the local issuer. None of them exists."""

from collections.abc import Iterable
from dataclasses import dataclass

TEAMS = ("orders", "payments", "logistics")


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One person, or one machine client, whom the local issuer signs tokens for.

    `subject` is the stable identifier in tokens; `roles` and `teams` are what the token claims.
    """

    subject: str
    name: str
    email: str
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    language: str


LINH = DemoPerson(
    "demo-linh", "Nguyễn Thùy Linh", "linh@support.example.com", ("AGENT",), ("orders", "logistics"), "vi"
)
EMMA = DemoPerson("demo-emma", "Emma Hartley", "emma@support.example.com", ("AGENT",), ("orders", "payments"), "en")
MINH = DemoPerson("demo-minh", "Trần Quang Minh", "minh@support.example.com", ("AGENT",), ("logistics",), "vi")
GRACE = DemoPerson("demo-grace", "Grace Okafor", "grace@support.example.com", ("SUPERVISOR",), TEAMS, "en")
DUC = DemoPerson("demo-duc", "Lê Anh Đức", "duc@support.example.com", ("ANALYST",), (), "vi")
STOREFRONT = DemoPerson("demo-storefront", "Storefront", "storefront@support.example.com", ("SERVICE",), (), "en")

PEOPLE: tuple[DemoPerson, ...] = (LINH, EMMA, MINH, GRACE, DUC, STOREFRONT)
"""Everyone, the default agent first."""


def person(subject: str) -> DemoPerson:
    """The person with this subject.

    Raises:
        LookupError: nobody has it.
    """
    for candidate in PEOPLE:
        if candidate.subject == subject:
            return candidate
    raise LookupError(subject)


def first_with_role(role: str, people: Iterable[DemoPerson] = PEOPLE) -> DemoPerson:
    """The first person who has a role: for AGENT, the demo's default agent.

    Raises:
        LookupError: nobody has it.
    """
    for candidate in people:
        if role.upper() in candidate.roles:
            return candidate
    raise LookupError(role)
