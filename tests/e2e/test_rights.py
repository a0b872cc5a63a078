"""contracts/rights.toml, asked of a running service: every operation, every id of its path, everybody who may call."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.api import problem, rows
from support.postgres import DatabaseDsns
from support.rights import (
    AGENT,
    GUARDED,
    HERE,
    OTHER_AGENT,
    RIGHTS,
    SUPERVISOR,
    Cell,
    Ground,
    ask,
    cells,
    everything_kept,
    furnished,
    recorded_since,
    refurnished,
)
from support.service import Answer, running_service

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"}


@pytest.fixture
async def ground(database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """One service for all cells, without a worker: nothing changes but by what is asked."""
    async with running_service(
        database_dsns, empty_database_url, tmp_path, with_worker=False, teams_from="service"
    ) as service:
        yield await furnished(service)


async def last_recorded(ground: Ground) -> int:
    query = "SELECT coalesce(max(activity_id), 0) AS last FROM support_agent_activity WHERE action <> 'case.viewed'"
    return int((await rows(ground.service, query))[0]["last"])


def record_of(cell: Cell, ground: Ground, ids: dict[str, str], answer: Answer) -> list[dict[str, Any]]:
    """What docs/access.md says is written down of a refusal."""
    if cell.status != 403 and not cell.hides_the_case and not cell.hides_the_customer:
        return []
    detail, case = {}, ids["ticket_id"] if "ticket_id" in cell.right.ids else None
    if cell.status == 403:
        action, detail = "role.refused", {"needed": cell.right.needs}
    elif cell.hides_the_customer:
        action, case = "customer.out_of_sight", ground.case_of(ids["customer_id"])
    else:
        action = "case.out_of_sight"
    return [
        {
            "action": action,
            "agent_id": ground.agent_ids[cell.caller],
            "ticket_id": case,
            "detail": detail,
            "request_id": answer.headers["x-request-id"],
        }
    ]


@pytest.mark.timeout(120)
async def test_every_cell_is_answered_as_declared_and_a_refusal_changes_nothing_and_is_written_down(
    ground: Ground,
) -> None:
    wrong: list[str] = []
    kept, last = await everything_kept(ground.service), await last_recorded(ground)
    for cell in (cell for right in GUARDED for cell in cells(right)):
        ends_it = cell.right.method == "DELETE" and cell.status < 300
        ids = (await refurnished(ground) if ends_it else ground).ids_of(cell)
        answer = await ground.ask(cell.right, ids, ground.callers[cell.caller].token)
        found, recorded = await everything_kept(ground.service), await recorded_since(ground.service, last)
        last = max([last, *(row.pop("activity_id") for row in recorded)])
        if answer.status != cell.status:
            wrong.append(f"{cell}: {answer.status}, {answer.body}")
        elif cell.status >= 400:
            changed = [table for table in kept if kept[table] != found[table]]
            expected = record_of(cell, ground, ids, answer)
            if changed or recorded != expected or problem(answer)[0] != cell.status:
                wrong.append(f"{cell}: changed {changed}, recorded {recorded}, not {expected}")
        kept = found
    assert not wrong, "\n".join(wrong)


async def test_whoever_shows_no_token_that_is_valid_now_is_answered_401_whatever_they_ask_for(ground: Ground) -> None:
    kept, last = await everything_kept(ground.service), await last_recorded(ground)
    for right in GUARDED:
        cell_ids = {tuple(ground.ids_of(cell).items()) for cell in cells(right) if cell.caller == AGENT}
        for ids in map(dict, cell_ids):
            for token, kind in ((None, "token-missing"), (ground.expired(SUPERVISOR), "token-invalid")):
                answer = await ground.ask(right, ids, token)
                assert problem(answer) == (401, kind), right
                assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await everything_kept(ground.service) == kept
    assert await recorded_since(ground.service, last) == []


@pytest.mark.filterwarnings("ignore:open_binary is deprecated")  # the documentation's own package uses it
async def test_what_is_open_is_open_to_all(ground: Ground) -> None:
    tokens = [None, "no-token", ground.expired(AGENT), *(person.token for person in ground.callers.values())]
    for right in (right for right in RIGHTS if right.open):
        for token in tokens:
            assert (await ground.ask(right, {}, token)).status == 200, right


async def test_a_refusal_comes_before_whatever_else_is_wrong_with_the_request(ground: Ground) -> None:
    """A body that is no JSON, one of other fields, ids that are none, a question that is none: all 403 alike, or 401."""
    service, unreadable = ground.service, dict.fromkeys(ground.ids[HERE], "x")
    asked = 0
    for right in GUARDED:
        path = right.path.format_map(ground.ids[HERE])
        plain, no_ids = path.partition("?")[0], right.path.partition("?")[0].format_map(unreadable)
        anonymous = [(plain, "{"), (no_ids, None), (plain + "?nope=1", json.dumps({"nope": 1}))]
        for where, sent in anonymous:
            assert problem(await ask(service, right.method, where, None, data=sent)) == (401, "token-missing"), (
                right,
                sent,
            )
        for cell in (cell for cell in cells(right) if cell.status == 403 and not cell.one and not right.query):
            token = ground.callers[cell.caller].token
            refused = await ask(service, right.method, path, token)
            for where, sent in anonymous:
                asked += 1
                found = await ask(service, right.method, where, token, data=sent)
                assert (found.status, found.body) == (403, refused.body), (cell, sent)
    assert asked > 100


async def test_a_case_out_of_sight_is_answered_to_the_letter_as_one_that_does_not_exist(ground: Ground) -> None:
    hidden = [cell for right in GUARDED for cell in cells(right) if cell.hides_the_case]
    assert len(hidden) > 20
    for cell in hidden:
        token = ground.callers[cell.caller].token
        there = await ground.ask(cell.right, ground.ids_of(cell), token)
        nowhere = await ground.ask(cell.right, ground.ids_of(cell) | {"ticket_id": str(uuid4())}, token)
        assert there.body == nowhere.body, cell
        assert set(there.headers) == set(nowhere.headers)


def pretended(ground: Ground) -> dict[str, str]:
    """What proxies say of who is calling, and of what they call."""
    boss = ground.callers[SUPERVISOR].token
    names = ("x_forwarded_user", "x_user_id", "x_remote_user", "remote_user", "x_auth_request_user", "x_forwarded_email",
             "x_authenticated_userid", "x_webauth_user", "from", "x_user", "x_forwarded_preferred_username")  # fmt: skip
    roles = ("x_roles", "x_user_roles", "x_forwarded_groups", "x_auth_request_groups")
    tokens = ("x_access_token", "x_forwarded_access_token", "x_amzn_oidc_data", "x_goog_iap_jwt_assertion",
              "x_auth_token", "proxy_authorization", "x_authorization", "x_original_authorization")  # fmt: skip
    told = dict.fromkeys(names, ground.agent_ids[SUPERVISOR]) | dict.fromkeys(roles, "SUPERVISOR")
    told |= dict.fromkeys(tokens, f"Bearer {boss}") | {"cookie": f"access_token={boss}; authorization=Bearer {boss}"}
    return told | {"x_http_method_override": "GET", "x_original_url": "/healthz", "x_rewrite_url": "/healthz"}


async def test_headers_that_name_somebody_else_change_nothing(ground: Ground) -> None:
    headers = pretended(ground)
    for right in GUARDED:
        assert (await ground.ask(right, ground.ids[HERE], None, **headers)).status == 401, right
        for cell in (cell for cell in cells(right) if cell.status >= 400):
            token = ground.callers[cell.caller].token
            assert (await ground.ask(right, ground.ids_of(cell), token, **headers)).status == cell.status, cell
    me = await ask(ground.service, "GET", "/support/agents/me", ground.callers[OTHER_AGENT].token, **headers)
    assert me.body["agent_id"] == ground.agent_ids[OTHER_AGENT]
    boss = ground.callers[SUPERVISOR].token
    for query in (f"access_token={boss}", f"token={boss}", f"authorization=Bearer%20{boss}"):
        in_query = await ask(ground.service, "GET", f"/support/agents/me?{query}", None)
        assert problem(in_query) == (401, "token-missing")


async def test_what_is_no_operation_says_nothing_without_a_token_and_no_more_with_one(ground: Ground) -> None:
    service = ground.service
    operations: dict[str, set[str]] = {}
    for right in GUARDED:
        operations.setdefault(right.operation.partition(" ")[2], set()).add(right.method)
    others = [(path, method) for path, methods in operations.items() for method in METHODS - methods]
    nowhere = dict.fromkeys(ground.ids[HERE], str(uuid4()))
    for path, method in [*others, *((path, "GET") for path in ("/support", "/support/", "/support/admin", "/admin"))]:
        anonymous = await ask(service, method, path.format_map(ground.ids[HERE]), None)
        assert anonymous.status in {404, 405}, (method, path)
        if method != "HEAD":
            status = HTTPStatus(anonymous.status)
            told = {"type": "about:blank", "title": status.phrase, "status": status, "detail": f"{status.description}."}
            assert anonymous.body == told
        for ids, token in ((nowhere, None), (ground.ids[HERE], ground.callers[SUPERVISOR].token)):
            again = await ask(service, method, path.format_map(ids), token)
            assert (again.status, again.body, set(again.headers)) == (
                anonymous.status, anonymous.body, set(anonymous.headers),
            )  # fmt: skip
    for path in operations:
        slashed = await ask(service, "GET", path.format_map(ground.ids[HERE]) + "/", None)
        assert slashed.status == 404, path
        assert "location" not in slashed.headers
