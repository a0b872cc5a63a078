"""Webhooks over HTTP: who may set them up, what is refused, and that each change is recorded."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from support.api import agent_id, pointers, problem, rows
from support.receivers import Receiver, verified
from support.service import Person, RunningService, eventually
from support.webhooks_api import HOOKS, came, change, subscribe
from support_service.entrypoints import doctor
from support_service.webhooks.model import EVENT_TYPES


async def test_a_webhook_is_made_read_changed_and_ended_and_each_time_it_is_recorded_by_whom(
    service: RunningService, supervisor: Person, receiver: Receiver
) -> None:
    made = await supervisor.ask("POST", HOOKS, {"url": receiver.url, "types": ["support.case.opened"]})
    webhook, path = made.body, f"{HOOKS}/{made.body['webhook_id']}"
    assert (made.status, made.headers["location"], made.headers["etag"]) == (201, path, '"1"')
    read = await supervisor.ask("GET", path)
    assert (read.status, read.headers["etag"]) == (200, '"1"')
    assert read.body == {name: value for name, value in webhook.items() if name != "secret"}
    changed = await change(supervisor, webhook, types=None, active=False, description="Paused")
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert {name: changed.body[name] for name in ("types", "active", "off_reason", "description", "version")} == {
        "types": None, "active": False, "off_reason": "by_hand", "description": "Paused", "version": 2,
    }  # fmt: skip
    assert problem(await change(supervisor, webhook, active=True)) == (412, "webhook-changed")
    assert problem(await supervisor.ask("PATCH", path, {"active": True})) == (428, "version-required")
    assert problem(await supervisor.ask("POST", f"{path}/test")) == (409, "webhook-off")
    again = await change(supervisor, changed.body, active=True)
    assert (again.body["active"], again.body["off_reason"]) == (True, None)
    same = await change(supervisor, again.body, active=True)
    assert (same.status, same.body["version"]) == (200, 3)
    assert (await supervisor.ask("DELETE", path)).status == 204
    assert problem(await supervisor.ask("GET", path)) == (404, "webhook-not-found")
    recorded = await recorded_by(service, supervisor, webhook)
    assert [action for action, _ in recorded] == ["created", "changed", "changed", "deleted"]
    assert recorded[1][1]["fields"] == ["active", "description", "types"]


async def test_a_webhook_is_tried_out_and_signed_by_both_secrets_after_one_was_replaced_and_both_are_recorded(
    service: RunningService, supervisor: Person, receiver: Receiver
) -> None:
    webhook = (await supervisor.ask("POST", HOOKS, {"url": receiver.url})).body
    path = f"{HOOKS}/{webhook['webhook_id']}"
    rotated = await supervisor.ask("POST", f"{path}/secret")
    assert (rotated.status, rotated.body["version"]) == (200, 2)
    assert rotated.body["secret"] != webhook["secret"]
    assert rotated.body["previous_secret_until"] is not None
    tested = await supervisor.ask("POST", f"{path}/test")
    assert (tested.status, tested.body["type"]) == (202, "support.webhook.test")
    await came(receiver, 1)
    assert receiver.got[0].told["data"] == {"webhook_id": webhook["webhook_id"]}
    assert all(verified(receiver.got[0], one) for one in (webhook["secret"], rotated.body["secret"]))
    assert (await supervisor.ask("DELETE", path)).status == 204
    recorded = await recorded_by(service, supervisor, webhook)
    assert [action for action, _ in recorded] == ["created", "secret_rotated", "tested", "deleted"]

    async def forgotten() -> bool:
        return not await rows(service, "SELECT FROM support_webhook_deliveries")

    await eventually(forgotten)


async def recorded_by(service: RunningService, who: Person, webhook: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What was recorded of webhooks, each with its detail: all of it by this person and of this webhook."""
    agent = UUID(await agent_id(who))
    recorded = await rows(
        service,
        "SELECT action, agent_id, detail FROM support_agent_activity WHERE action LIKE 'webhook.%' ORDER BY activity_id",
    )
    assert {(row["agent_id"], row["detail"]["webhook_id"]) for row in recorded} == {(agent, webhook["webhook_id"])}
    return [(row["action"].removeprefix("webhook."), row["detail"]) for row in recorded]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://127.0.0.2/hook", "private"),
        ("https://169.254.169.254/latest/meta-data/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://10.0.0.1:6379/", "private"),
        ("http://93.184.215.14/", "private"),
        ("https://2130706433/", "host"),
        ("ftp://receiver.example/", "scheme"),
        ("https://a:b@receiver.example/", "credentials"),
        ("https://receiver.example:22/", "port"),
        ("https://receiver.example/#x", "fragment"),
        ("https://receiver.example\\@10.0.0.1/", "malformed"),
        ("https://nowhere.invalid/", "unresolved"),
    ],
)
async def test_a_url_that_nothing_is_sent_to_is_refused_and_says_why(
    service: RunningService, supervisor: Person, receiver: Receiver, url: str, reason: str
) -> None:
    refused = await supervisor.ask("POST", HOOKS, {"url": url})
    assert problem(refused) == (422, "url-refused")
    assert refused.body["reason"] == reason
    assert refused.body["detail"]
    webhook = await subscribe(supervisor, receiver.url)
    changed = await change(supervisor, webhook, url=url)
    assert (problem(changed), changed.body["reason"]) == ((422, "url-refused"), reason)
    assert [row["url"] for row in await rows(service, "SELECT url FROM support_webhooks")] == [receiver.url]


async def test_what_is_wrong_with_a_subscription_is_said_by_field(supervisor: Person, receiver: Receiver) -> None:
    good = {"url": receiver.url}
    for wrong, pointer in (
        ({"types": ["support.case.eaten"]}, "/types"),
        ({"types": []}, "/types"),
        ({"types": ["support.webhook.test"]}, "/types"),
        ({"url": "x" * 2_001}, "/url"),
        ({"url": None}, "/url"),
        ({"description": "x" * 201}, "/description"),
        ({"description": "a\x00b"}, "/description"),
        ({"secret": "whsec_mine"}, "/secret"),
    ):
        assert pointers(await supervisor.ask("POST", HOOKS, good | wrong)) == [pointer], wrong
    everything = await subscribe(supervisor, receiver.url, types=[*EVENT_TYPES, EVENT_TYPES[0]])
    assert everything["types"] == list(EVENT_TYPES)


async def test_there_are_no_more_webhooks_than_there_may_be_however_many_are_made_at_once(
    service: RunningService, supervisor: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support_service.webhooks.service.MOST_WEBHOOKS", 3)
    made = await asyncio.gather(*(supervisor.ask("POST", HOOKS, {"url": receiver.url}) for _ in range(8)))
    assert sorted(answer.status for answer in made) == [201] * 3 + [409] * 5
    assert {problem(answer)[1] for answer in made if answer.status == 409} == {"too-many-webhooks"}
    assert len(await rows(service, "SELECT FROM support_webhooks")) == 3


@pytest.mark.parametrize("role", ["AGENT", "ANALYST", "SERVICE"])
async def test_nobody_but_a_supervisor_sees_or_touches_a_webhook(
    supervisor: Person, service: RunningService, receiver: Receiver, role: str
) -> None:
    webhook = await subscribe(supervisor, receiver.url)
    person, path = service.person(role), f"{HOOKS}/{webhook['webhook_id']}"
    for method, where, body in (
        ("GET", HOOKS, None),
        ("POST", HOOKS, {"url": receiver.url}),
        ("GET", path, None),
        ("PATCH", path, {"active": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/secret", None),
        ("POST", f"{path}/test", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/deliveries/replay", {"since": "2020-01-01T00:00:00Z"}),
        ("POST", f"{path}/deliveries/{uuid4()}/replay", None),
    ):
        answer = await person.ask(method, where, body, if_match='"1"')
        assert problem(answer) == (403, "role-not-allowed"), (method, where)
    assert (await supervisor.get(path))["version"] == 1
    assert receiver.got == []


async def test_the_doctor_says_how_many_are_on_and_that_some_were_switched_off_by_themselves(
    service: RunningService, supervisor: Person, receiver: Receiver
) -> None:
    async def said() -> list[tuple[str, str]]:
        return [(finding.state, finding.says) for finding in await doctor._webhooks(service.worker)]

    assert [state for state, _ in await said()] == ["off"]
    for _ in range(2):
        await subscribe(supervisor, receiver.url)
    assert await said() == [("ok", "2 switched on")]
    await rows(service, "UPDATE support_webhooks SET active = false, off_reason = 'failing' RETURNING webhook_id")
    assert await said() == [("ok", "0 switched on"), ("warn", "2 switched off by themselves")]
