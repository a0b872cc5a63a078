"""Sending to real receivers: at least once, by one sender at a time, and nobody held up by somebody else."""

import asyncio
from collections import Counter
from uuid import uuid4

from aiohttp import web

from support.receivers import Receiver, answers, hangs, open_receiver
from support.webhooks import Office
from support_service.webhooks import store
from support_service.webhooks.model import DeliveryStatus
from support_service.webhooks.sending import LEASE, MOST_OF_ONE


async def test_whoever_dies_before_it_is_written_down_leaves_it_to_be_sent_again_under_the_same_id(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    answer_now = asyncio.Event()

    async def when_told(_request: web.Request) -> web.StreamResponse:
        await answer_now.wait()
        return web.Response(status=204)

    receiver.answer = when_told
    await office.happen()
    dying = office.new_sender()
    await dying.step()
    async with office.database.transaction() as tx:  # what comes of it cannot be written down meanwhile
        await tx.execute("SELECT FROM support_webhook_deliveries FOR UPDATE")
        answer_now.set()
        await until(lambda: len(receiver.got) == 1 and receiver.under_way == 0)
        await asyncio.sleep(0.2)
        for task in list(dying._under_way):
            task.cancel()
        await dying.settle()
    assert await office.send() == 0  # the claim still holds
    office.clock.go_on(LEASE.total_seconds())
    assert await office.send() == 1
    assert len({got.event_id for got in receiver.got}) == 1
    assert len(receiver.got) == 2
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert (delivery.status, len(delivery.attempts)) == (DeliveryStatus.DELIVERED, 1)


async def test_what_came_of_a_claim_that_ran_out_is_not_written_over_that_of_the_next(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    release = asyncio.Event()

    async def late(_request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(status=500)

    receiver.answer = late
    await office.happen()
    slow = office.new_sender()
    await slow.step()
    await until(lambda: len(receiver.got) == 1)
    office.clock.go_on(LEASE.total_seconds())
    receiver.answer = answers(204)
    assert await office.send() == 1
    release.set()
    await slow.settle()
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert (delivery.status, [one.status_code for one in delivery.attempts]) == (DeliveryStatus.DELIVERED, [204])


async def test_while_one_sender_claims_for_a_subscription_another_neither_waits_nor_claims_for_it(
    office: Office, receiver: Receiver
) -> None:
    webhook, other = await office.subscribe(receiver.url), await office.subscribe(receiver.url + "?other")
    await office.happen(MOST_OF_ONE + 2)
    now = office.clock.now()
    async with office.database.transaction() as tx:
        claimed = await store.claim(
            tx, [webhook.webhook_id], uuid4(), at=now, until=now + LEASE, each=MOST_OF_ONE, most=100
        )
        assert len(claimed) == MOST_OF_ONE
        assert await asyncio.wait_for(office.sender.step(), 5) == MOST_OF_ONE
        await office.sender.settle()
    assert {got.path for got in receiver.got} == {"/hook?other"}
    assert {one.webhook_id for one in claimed} == {webhook.webhook_id} != {other.webhook_id}
    assert await office.send() == 2  # of the first no more than four are under way


async def test_two_senders_at_once_never_send_the_same_attempt_twice_nor_more_than_four_at_once(
    office: Office, receiver: Receiver
) -> None:
    async def soon(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return web.Response(status=204)

    receiver.answer = soon
    await office.subscribe(receiver.url)
    await office.happen(60)
    senders, stop = [office.new_sender() for _ in range(3)], asyncio.Event()
    running = [asyncio.create_task(sender.run(stop)) for sender in senders]
    await until(lambda: len(receiver.got) >= 60)
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*running)
    assert Counter(Counter(got.event_id for got in receiver.got).values()) == {1: 60}
    assert 1 < receiver.most_under_way <= MOST_OF_ONE


async def test_a_receiver_that_does_not_answer_holds_up_nobody_else(office: Office, receiver: Receiver) -> None:
    async with open_receiver() as slow:
        slow.answer = hangs
        await office.subscribe(slow.url)
        await office.happen(50)
        await office.subscribe(receiver.url)
        await office.happen(10)
        stop = asyncio.Event()
        running = asyncio.create_task(office.sender.run(stop))
        await until(lambda: len(receiver.got) == 10, within_s=4)
        assert slow.under_way == MOST_OF_ONE
        stop.set()
        for task in list(office.sender._under_way):
            task.cancel()
        await running


async def test_a_name_that_has_come_to_lead_inside_is_not_sent_to(office: Office, receiver: Receiver) -> None:
    webhook = await office.subscribe(receiver.url)
    async with office.database.connection() as connection:
        await connection.execute("UPDATE support_webhooks SET url = 'https://10.0.0.1/hook'")
    await office.happen()
    await office.send()
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert [one.error for one in delivery.attempts] == ["address_refused"]


async def until(check: object, *, within_s: float = 10.0) -> None:
    assert callable(check)
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.01)
