"""Roles and teams as Keycloak, Entra, Cognito and others write them into tokens."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.directory import Role
from support_service.directory.claims import roles_in, teams_in

KEYCLOAK = {
    "realm_access": {"roles": ["support-agent", "offline_access", "default-roles-shop"]},
    "resource_access": {"support-service": {"roles": ["supervisor"]}, "shop.api": {"roles": ["ANALYST"]}},
    "groups": ["/orders", "/logistics"],
}
ENTRA = {"roles": ["Support.Agent"], "groups": ["0b1a8f0e-6c2b-4a53-9d3b-0a6f1d3f9a11"]}
COGNITO = {"cognito:groups": ["SUPPORT_AGENT"], "custom:teams": "orders payments"}
AUTH0 = {"https://shop.example/roles": ["agent"], "https://shop.example/teams": ["orders"]}


@pytest.mark.parametrize(
    ("claims", "path", "expected"),
    [
        (KEYCLOAK, "realm_access.roles", {Role.AGENT}),
        (KEYCLOAK, "resource_access.support-service.roles", {Role.SUPERVISOR}),
        (KEYCLOAK, r"resource_access.shop\.api.roles", {Role.ANALYST}),
        (ENTRA, "roles", {Role.AGENT}),
        (COGNITO, "cognito:groups", {Role.AGENT}),
        (AUTH0, "https://shop.example/roles", {Role.AGENT}),
        ({"roles": "agent analyst"}, "roles", {Role.AGENT, Role.ANALYST}),
        ({"roles": ["SERVICE", "SUPERVISOR"]}, "roles", {Role.SERVICE}),
        ({"roles": ["agents", "superagent", "admin", "agent x", ""]}, "roles", set()),
        ({"roles": [7, None, ["AGENT"], {"AGENT": True}]}, "roles", set()),
        ({"roles": {"AGENT": True}}, "roles", set()),
        ({"roles": True}, "roles", set()),
        ({}, "realm_access.roles", set()),
        ({"realm_access": "roles"}, "realm_access.roles", set()),
        ({"realm_access": None}, "realm_access.roles", set()),
    ],
)
def test_roles_are_found_in_every_shape(claims: dict[str, Any], path: str, expected: set[Role]) -> None:
    assert roles_in(claims, path) == expected


@pytest.mark.parametrize(
    ("claims", "path", "expected"),
    [
        (KEYCLOAK, "groups", {"orders", "logistics"}),
        (ENTRA, "groups", {"0b1a8f0e-6c2b-4a53-9d3b-0a6f1d3f9a11"}),
        (COGNITO, "custom:teams", {"orders", "payments"}),
        (AUTH0, "https://shop.example/teams", {"orders"}),
        ({"teams": ["giao hàng", "  orders  "]}, "teams", {"giao hàng", "orders"}),
        ({"teams": ["", "x" * 65, "a\x00b", "line\nbreak", 7]}, "teams", set()),
        ({}, "teams", set()),
    ],
)
def test_teams_are_found_in_every_shape(claims: dict[str, Any], path: str, expected: set[str]) -> None:
    assert teams_in(claims, path) == expected


def test_teams_without_end_are_cut() -> None:
    assert len(teams_in({"teams": [f"team-{n}" for n in range(5_000)]}, "teams")) == 100


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
    | st.dictionaries(st.text(), st.text())
)
def test_no_value_of_a_claim_breaks_the_reading(value: object) -> None:
    assert roles_in({"roles": value}, "roles") <= set(Role)
    assert all(team.strip("\x00") == team for team in teams_in({"teams": value}, "teams"))


@given(st.text())
def test_no_path_breaks_the_reading(path: str) -> None:
    roles_in(KEYCLOAK, path)
