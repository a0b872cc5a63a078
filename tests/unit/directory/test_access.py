"""Who may do what, who sees what, and that docs/access.md says the same."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.directory import MATRIX, Action, Principal, Profile, Role, permit
from support_service.directory.errors import RoleNotAllowed

DOCUMENT = Path(__file__).parents[3] / "docs" / "access.md"
ROLE_SETS = st.sets(st.sampled_from([Role.AGENT, Role.SUPERVISOR, Role.ANALYST]), min_size=1).map(frozenset)


def principal(*roles: Role, teams: frozenset[str] = frozenset({"orders"})) -> Principal:
    return Principal(uuid4(), "https://id.example", "someone", None, frozenset(roles), teams)


def documented() -> dict[str, frozenset[Role]]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    header = next(line for line in lines if line.startswith("| action |"))
    roles = [Role(cell) for cell in re.findall(r"[A-Z]{5,}", header)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    actions = {row[0].strip("`"): row[2:] for row in rows if row[0].strip("`") in set(Action)}
    assert all(set(cells) <= {"yes", "no"} for cells in actions.values())
    return {
        action: frozenset(role for role, cell in zip(roles, cells, strict=True) if cell == "yes")
        for action, cells in actions.items()
    }


def test_the_written_matrix_is_the_one_enforced() -> None:
    assert documented() == {action.value: roles for action, roles in MATRIX.items()}


def test_every_action_has_a_row_and_somebody_who_may_do_it() -> None:
    assert set(MATRIX) == set(Action)
    assert all(MATRIX.values())


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_permit_follows_the_matrix(role: Role, action: Action) -> None:
    if role in MATRIX[action]:
        permit(principal(role), action)
    else:
        with pytest.raises(RoleNotAllowed) as refused:
            permit(principal(role), action)
        assert refused.value.status == 403


@pytest.mark.parametrize("action", Action)
def test_nobody_without_a_role_may_do_anything(action: Action) -> None:
    with pytest.raises(RoleNotAllowed):
        permit(principal(), action)


def test_an_analyst_changes_nothing() -> None:
    allowed = {action for action, roles in MATRIX.items() if Role.ANALYST in roles}
    reads = {
        Action.CASE_LIST,
        Action.CASE_READ,
        Action.TIMELINE_READ,
        Action.WORKLOAD_READ,
        Action.STREAM_READ,
        Action.ATTACHMENT_READ,
    }
    assert allowed == reads


def test_an_agent_sees_the_cases_of_the_agents_teams_and_of_no_team() -> None:
    seen = principal(Role.AGENT).sight
    assert seen.sees("orders", uuid4())
    assert seen.sees(None, uuid4())
    assert not seen.sees("payments", uuid4())


def test_an_agent_who_opened_a_case_does_not_keep_it_in_sight_when_it_goes_to_another_team() -> None:
    agent = principal(Role.AGENT)
    assert not agent.sight.sees("payments", agent.principal_id)


def test_a_machine_sees_what_it_opened_and_nothing_else() -> None:
    machine = principal(Role.SERVICE)
    assert machine.sight.sees("payments", machine.principal_id)
    assert not machine.sight.sees(None, uuid4())
    assert not machine.sight.sees("orders", uuid4())


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ANALYST])
def test_supervisors_and_analysts_see_all_cases(role: Role) -> None:
    assert principal(role, teams=frozenset()).sight.sees("payments", uuid4())


@given(ROLE_SETS, st.sampled_from([None, "orders", "payments"]))
def test_nobody_sees_in_clear_what_only_an_analyst_of_all_cases_would_see(
    roles: frozenset[Role], team: str | None
) -> None:
    somebody = principal(*roles)
    if somebody.profile is Profile.CLEAR and somebody.sight.sees(team, uuid4()):
        assert Role.SUPERVISOR in roles or team in {None, "orders"}


def test_only_who_is_no_more_than_an_analyst_is_shown_masked_data() -> None:
    assert principal(Role.ANALYST).profile is Profile.MASKED
    assert principal().profile is Profile.MASKED
    for role in (Role.AGENT, Role.SUPERVISOR, Role.SERVICE):
        assert principal(role).profile is Profile.CLEAR
