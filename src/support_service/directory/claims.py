"""Roles and teams in the claims of a token, whatever shape its issuer gives them.

Keycloak nests them (`realm_access.roles`, `resource_access.support.roles`), Entra has `roles` and `groups`, Cognito
`cognito:groups`, Auth0 names claims like addresses (`https://shop.example/roles`). Values come as a list, or as one text
with spaces.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support_service.directory.model import Role

_ROLE = re.compile(r"(?:support[-_.:/ ]?)?(agent|supervisor|analyst|service)", re.IGNORECASE)
_STEP = re.compile(r"((?:[^.\\]|\\.)+)(?:\.|$)")
_LONGEST_TEAM = 64
_MOST_TEAMS = 100


@dataclass(frozen=True, slots=True)
class ClaimPaths:
    r"""Where tokens say what.

    A path is the name of a claim as it is, or names joined by dots from the outermost inwards; a dot that belongs to a
    name is written `\.`.
    """

    roles: str = "realm_access.roles"
    teams: str = "teams"


def roles_in(claims: Mapping[str, Any], path: str) -> frozenset[Role]:
    """The roles that claims carry: `AGENT`, `agent` and `support-agent` are one; what is no role of ours is passed over.

    SERVICE stands alone: a machine does not become a person by another role that it was also given.
    """
    found = frozenset(
        Role(match[1].upper()) for value in _values(claims, path) if (match := _ROLE.fullmatch(value)) is not None
    )
    return frozenset({Role.SERVICE}) if Role.SERVICE in found else found


def teams_in(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The teams that claims carry; Keycloak's `/orders` is `orders`. Names that are too long, or not text, are none."""
    names = (value.removeprefix("/") for value in _values(claims, path))
    usable = sorted({name for name in names if 1 <= len(name) <= _LONGEST_TEAM and name.isprintable()})
    return frozenset(usable[:_MOST_TEAMS])


def _values(claims: Mapping[str, Any], path: str) -> list[str]:
    value = _at(claims, path)
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [member.strip() for member in value if isinstance(member, str)]
    return []


def _at(claims: Mapping[str, Any], path: str) -> object:
    if path in claims:
        return claims[path]
    value: object = claims
    for step in _STEP.findall(path):
        if not isinstance(value, Mapping):
            return None
        value = value.get(re.sub(r"\\(.)", r"\1", step))
    return value
