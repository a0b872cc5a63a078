"""From a case to a receiver: what comes, what is listed of it, and how it is sent again."""

import asyncio
from typing import Any
from uuid import uuid4

from support.api import patch, problem
from support.receivers import Receiver, answers, verified
from support.service import Person, RunningService, eventually
from support.webhooks_api import HOOKS, came, first_delivery, subscribe, walked


async def test_what_happens_to_a_case_comes_to_who_asked_for_it_signed_and_without_a_word_that_was_said(
    service: RunningService, supervisor: Person, receiver: Receiver
) -> None:
    webhook = await subscribe(supervisor, receiver.url, description="For the warehouse")
    agent = service.person("AGENT", teams=("orders",))
    case = await agent.open_case(subject="Secret subject", description="Secret words")
    await agent.say(case["ticket_id"], "Secret answer")
    assert (await patch(agent, case["ticket_id"], 2, status="CLOSED")).status == 200
    await came(receiver, 4)
    told = sorted((got.told for got in receiver.got), key=lambda one: one["position"])
    assert [one["type"] for one in told] == [
        "support.case.opened",
        "support.case.message.posted",
        "support.case.status.changed",
        "support.case.closed",
    ]
    assert {one["data"]["ticket_id"] for one in told} == {case["ticket_id"]}
    assert all(verified(got, webhook["secret"]) for got in receiver.got)
    assert not [got for got in receiver.got if b"Secret" in got.body]
    assert len({got.event_id for got in receiver.got}) == 4


async def test_what_was_sent_is_listed_with_each_attempt_and_sent_once_more_under_the_same_id(
    supervisor: Person, receiver: Receiver
) -> None:
    webhook = await subscribe(supervisor, receiver.url)
    path = f"{HOOKS}/{webhook['webhook_id']}/deliveries"
    receiver.answer = answers(500, "try\x07 later")
    await supervisor.ask("POST", f"{HOOKS}/{webhook['webhook_id']}/test")
    failed = await first_delivery(supervisor, webhook, "FAILED")
    (attempt,) = failed["attempts"]
    assert (attempt["status_code"], attempt["error"], attempt["excerpt"]) == (500, "status", "try  later")
    assert failed["next_at"] is None
    receiver.answer = answers(204)
    answer = await supervisor.ask("POST", f"{path}/{failed['delivery_id']}/replay")
    assert (answer.status, answer.body["status"]) == (202, "PENDING")
    delivered = await first_delivery(supervisor, webhook)
    assert [one["status_code"] for one in delivered["attempts"]] == [500, 204]
    assert {got.event_id for got in receiver.got} == {failed["event_id"]}
    since = {"since": "2020-01-01T00:00:00Z"}
    assert (await supervisor.ask("POST", f"{path}/replay", since)).body == {"replayed": 0, "more": False}
    assert problem(await supervisor.ask("POST", f"{path}/{uuid4()}/replay")) == (404, "delivery-not-found")
    elsewhere = f"{HOOKS}/{uuid4()}/deliveries"
    assert problem(await supervisor.ask("GET", elsewhere)) == (404, "webhook-not-found")
    assert problem(await supervisor.ask("POST", f"{elsewhere}/replay", since)) == (404, "webhook-not-found")
    other = await subscribe(supervisor, receiver.url)
    foreign = f"{HOOKS}/{other['webhook_id']}/deliveries/{failed['delivery_id']}/replay"
    assert problem(await supervisor.ask("POST", foreign)) == (404, "delivery-not-found")


async def test_a_delivery_that_is_being_sent_is_not_begun_anew(supervisor: Person, receiver: Receiver) -> None:
    release = asyncio.Event()
    answer = answers(204)

    async def waits(request: Any) -> Any:
        await release.wait()
        return await answer(request)

    receiver.answer = waits
    webhook = await subscribe(supervisor, receiver.url)
    tested = await supervisor.ask("POST", f"{HOOKS}/{webhook['webhook_id']}/test")
    await came(receiver, 1)
    path = f"{HOOKS}/{webhook['webhook_id']}/deliveries/{tested.body['delivery_id']}/replay"
    assert problem(await supervisor.ask("POST", path)) == (409, "delivery-under-way")
    release.set()
    await first_delivery(supervisor, webhook)
    assert (await supervisor.ask("POST", path)).status == 202


async def test_lists_are_paged_newest_first(supervisor: Person, receiver: Receiver) -> None:
    made = [(await subscribe(supervisor, f"{receiver.url}?{n}"))["webhook_id"] for n in range(5)]
    assert await walked(supervisor, f"{HOOKS}?limit=2", "webhook_id") == made[::-1]
    for _ in range(5):
        assert (await supervisor.ask("POST", f"{HOOKS}/{made[0]}/test")).status == 202
        await asyncio.sleep(0.002)  # ids of one millisecond have no order
    path = f"{HOOKS}/{made[0]}/deliveries"
    everything = [one["delivery_id"] for one in (await supervisor.get(path))["items"]]
    assert len(everything) == 5
    assert everything == sorted(everything, reverse=True)
    assert await walked(supervisor, f"{path}?limit=2", "delivery_id") == everything
    await came(receiver, 5)

    async def all_delivered() -> bool:
        return await walked(supervisor, f"{path}?limit=2&status=DELIVERED", "delivery_id") == everything

    await eventually(all_delivered)
    assert (await supervisor.get(f"{path}?status=FAILED"))["items"] == []
    for wrong in (f"{path}?cursor=x", f"{path}?status=LOST", f"{HOOKS}?cursor=x", f"{HOOKS}?nope=1"):
        assert problem(await supervisor.ask("GET", wrong))[0] == 422
