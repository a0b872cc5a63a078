"""Forged, stolen and odd tokens, sent to a running service that trusts an issuer of ours, by both of its roads."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.api import count, problem
from support.forgeries import FORGERIES, Target
from support.issuer import Issuer, rsa_key
from support.lines import Lines, logged
from support.postgres import DatabaseDsns
from support.service import Answer, Person, RunningService, eventually, running_service

ME = "/support/agents/me"
PEOPLE, ACCOUNT = "support_agents", "support_agent_activity WHERE action <> 'case.viewed'"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    with logged(monkeypatch) as found:
        yield found


@pytest.fixture
async def service(
    issuer: Issuer, lines: Lines, database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> AsyncIterator[RunningService]:
    """A service that trusts that issuer, logs as it does for operators, and lets any number of attacks in."""
    trusting: dict[str, Any] = {"demo": False, "local_issuer_key": None, "oidc_issuer": issuer.url}
    trusting["rate_limit_failed_sign_ins"] = 0
    async with running_service(database_dsns, empty_database_url, tmp_path, with_worker=False, **trusting) as running:
        yield running


def holder(service: RunningService, token: str) -> Person:
    return Person(service.session, service.url, token)


async def with_header(service: RunningService, header: str, path: str = ME) -> Answer:
    """Ask with an Authorization header to the letter."""
    async with service.session.get(service.url + path, headers={"authorization": header}) as answer:
        return Answer(answer.status, await answer.json(content_type=None), answer.headers)


async def hot_path(service: RunningService, issuer: Issuer) -> str:
    """A timeline that the hot road answers to a good token, which is remembered from now on."""
    agent = holder(service, issuer.token())
    path = f"/support/cases/{(await agent.open_case())['ticket_id']}/timeline"

    async def hit() -> bool:
        return "hit" in (await agent.ask("GET", path)).headers.get("cache-status", "")

    await eventually(hit)
    return path


def is_bare_refusal(answer: Answer) -> bool:
    """A problem that says in a code what is wrong with a token, and in its challenge not even that."""
    return (
        problem(answer) == (401, "token-invalid")
        and set(answer.body) == {"type", "title", "status", "detail", "reason"}
        and answer.body["detail"] == answer.body["title"]
        and answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        and answer.headers["cache-control"] == "no-store"
    )


@pytest.mark.timeout(60)
async def test_every_forgery_is_a_401_on_both_roads_soon_and_nobody_is_asked_or_recorded(
    service: RunningService, issuer: Issuer, attacker: Issuer, lines: Lines
) -> None:
    target = Target(issuer.url, issuer.keys[0], attacker.url)
    path = await hot_path(service, issuer)
    people, account = await count(service, PEOPLE), await count(service, ACCOUNT)
    taken: dict[str, Any] = {}
    said: set[str] = set()
    for name, (forge, reasons) in FORGERIES.items():
        token = forge(target)
        said |= {part for part in token.split(".") if len(part) > 20}
        for where in (ME, path):
            started = time.monotonic()
            answer = await holder(service, token).ask("GET", where)
            if not (is_bare_refusal(answer) and answer.body["reason"] in reasons and time.monotonic() - started < 5):
                taken[name] = answer
    assert taken == {}
    assert lines.of(event="sign_in.refused")
    assert not [part for part in said if part in lines.text]
    assert attacker.asked == 0
    assert issuer.asked <= 4
    assert (await count(service, PEOPLE), await count(service, ACCOUNT)) == (people, account)
    assert (await holder(service, target.token()).ask("GET", ME)).status == 200


async def test_a_person_that_no_database_can_hold_is_a_401_and_an_odd_name_is_none(
    service: RunningService, issuer: Issuer
) -> None:
    target = Target(issuer.url, issuer.keys[0])
    for subject in ("s" * 3_000, "a\ud800b", "a\x00b", "\ud800"):
        assert is_bare_refusal(await holder(service, target.saying(sub=subject)).ask("GET", ME))
    for told in ("a\ud800b\x00", "\ud800", ["Linh"], {"first": "Linh"}, "n" * 2_000, 7):
        odd = target.saying(name=told, preferred_username=told, email=told, teams=[told, "a\ud800b", "\x00", "t" * 99])
        answer = await holder(service, odd).ask("GET", ME)
        assert answer.status == 200, answer
        assert answer.body["name"] in {"ab", None, "n" * 200}
        assert set(answer.body["teams"]) <= {"Linh"}


@pytest.mark.parametrize(
    "roles",
    [7, True, None, 1.5, {"SUPERVISOR": True}, {"roles": ["SUPERVISOR"]}, [["SUPERVISOR"]], [{"name": "SUPERVISOR"}],
     ["SUPERVISOR\x00"], ["SUPERVIS\u041eR"], ["superSUPERVISOR"], ["SUPERVISOR,AGENT"], "SUPERVISOR,AGENT", "", [], ["*"],
     ["support--supervisor"], ["\ud800"]],
)  # fmt: skip
async def test_roles_of_an_odd_kind_are_none(service: RunningService, issuer: Issuer, roles: object) -> None:
    token = Target(issuer.url, issuer.keys[0]).saying(realm_access={"roles": roles})
    assert problem(await holder(service, token).ask("GET", ME)) == (403, "role-missing")
    assert await count(service, PEOPLE) == 0


async def test_a_machine_does_not_become_a_person_by_another_role(service: RunningService, issuer: Issuer) -> None:
    for roles in (["SERVICE", "SUPERVISOR"], ["SUPERVISOR", "support-service"], "SUPERVISOR AGENT service ANALYST"):
        machine = holder(service, issuer.token(realm_access={"roles": roles}))
        for path in (ME, "/support/webhooks", "/support/dead-letters", "/support/stream"):
            assert problem(await machine.ask("GET", path)) == (403, "role-not-allowed")


async def test_a_header_that_is_not_to_the_letter_carries_no_token(service: RunningService, issuer: Issuer) -> None:
    path, token = await hot_path(service, issuer), issuer.token()
    for good in (f"bearer {token}", f"BEARER {token}", f"Bearer  {token}", f" Bearer {token} ", f"bEaReR   {token}"):
        for where in (ME, path):
            assert (await with_header(service, good, where)).status == 200, good
    for bad in ("", "Bearer", "Bearer ", token, f"Bearer\t{token}", f"Bearer{token}", f"Bearer:{token}", f"Bearer={token}",
                f"Bearer {token} {token}", f"Bearer {token},{token}", f"Bearer Bearer {token}", f"Basic {token}",
                f"Token {token}", f"Digest {token}", f"JWT {token}", f"DPoP {token}", f"Bearer%20{token}", f'"Bearer {token}"',
                f'Bearer "{token}"', f"Bearer {token};x", f"Bearer\xa0{token}",
                f"Bearer {token}\xa0", f"\u200bBearer {token}", f"Bearer {token}\u200b", f"Béarer {token}",
                f"Negotiate x, Bearer {token}", f"Bearer x, Bearer {token}", f"Bearer {token}, Basic x"):  # fmt: skip
        for where in (ME, path):
            answer = await with_header(service, bad, where)
            assert problem(answer) == (401, "token-missing"), bad
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_header_larger_than_is_read_is_refused_and_harms_nobody(
    service: RunningService, issuer: Issuer
) -> None:
    good = holder(service, issuer.token())
    for size in (16_385, 100_000, 500_000, 2_000_000):
        try:
            answer = await holder(service, "a" * size).ask("GET", ME)
        except OSError:
            continue  # hung up on
        assert answer.status in {400, 401, 431}
        assert (await good.ask("GET", ME)).status == 200


async def test_what_is_like_a_token_that_is_remembered_is_not_remembered(
    service: RunningService, issuer: Issuer
) -> None:
    path, token = await hot_path(service, issuer), issuer.token()
    assert (await holder(service, token).ask("GET", path)).status == 200
    head, payload, signature = token.split(".")
    boss = issuer.token(realm_access={"roles": ["SUPERVISOR"]})
    swapped = boss.split(".")[1]
    for like in (token[:-1], token + "A", token[:-5], f"{head}.{payload}.", f"{head}.{swapped}.{signature}", token.swapcase(),
                 f"{head}.{payload}.{boss.split('.')[2]}", f"{token}=", f"{token}==", f"access_token={token}", f"{token}~", f"{token}.",
                 f"{head}.{payload}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'Q'}AAAA"):  # fmt: skip
        for where in (path, ME, path + "?limit=100"):
            assert is_bare_refusal(await with_header(service, f"Bearer {like}", where)), like
    me = (await holder(service, token).get(ME))["roles"]
    assert me == ["AGENT"]


async def test_while_the_issuer_is_away_the_known_go_on_and_the_unknown_are_asked_to_come_again(
    service: RunningService, issuer: Issuer
) -> None:
    await issuer.stop()
    for _ in range(2):
        started = time.monotonic()
        unknown = await holder(service, issuer.token()).ask("GET", ME)
        assert problem(unknown) == (503, "sign-in-unavailable")
        assert unknown.headers["retry-after"] == "2"
        assert time.monotonic() - started < 10
    await issuer.start()

    async def let_in() -> bool:
        return (await holder(service, issuer.token()).ask("GET", ME)).status == 200

    await eventually(let_in)
    await issuer.stop()
    assert (await holder(service, issuer.token(jti="never seen before")).ask("GET", ME)).status == 200
    stranger = rsa_key("first", 1).sign(issuer.claims())
    assert is_bare_refusal(await holder(service, stranger).ask("GET", ME))


@pytest.mark.timeout(60)
async def test_a_storm_of_a_thousand_made_up_keys_costs_the_issuer_nothing_and_no_reader_their_answer(
    service: RunningService, issuer: Issuer
) -> None:
    path, good = await hot_path(service, issuer), holder(service, issuer.token())
    before, stranger = issuer.asked, rsa_key("made-up", 1)
    storm = [holder(service, stranger.sign(issuer.claims(), kid=f"made-up-{n}")) for n in range(1_000)]
    at_once = asyncio.Semaphore(100)

    async def come(one: Person) -> Answer:
        async with at_once:
            return await one.ask("GET", path)

    asked = [asyncio.create_task(come(one)) for one in storm]
    for _ in range(20):
        assert (await good.ask("GET", path)).status == 200
    answers = await asyncio.gather(*asked)
    assert all(is_bare_refusal(answer) and answer.body["reason"] == "unknown-key" for answer in answers)
    assert issuer.asked == before  # it was asked when the service began, less than 30 seconds ago
