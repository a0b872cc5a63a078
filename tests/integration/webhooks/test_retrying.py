"""What is not taken is tried again at its times, until it is taken, failed, or nobody is to be sent anything."""

from datetime import datetime, timedelta

import pytest

from support.receivers import Answer, Receiver, answers, endless, hangs, resets, verified
from support.webhooks import SUPERVISOR, Office
from support_service.adapters import receivers as adapter
from support_service.webhooks.model import OVERLAP, PAUSES_S, DeliveryStatus, OffReason
from support_service.webhooks.schemas import ReplayRequest, WebhookWithSecret


async def test_what_fails_is_tried_again_at_its_times_under_the_same_id_and_at_last_failed(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answers(500, "not\x07 now " + "x" * 500)
    await office.happen()
    assert await office.send() == 1
    for pause in PAUSES_S:
        office.clock.go_on(pause - 1)
        assert await office.send() == 0
        office.clock.go_on(1)
        assert await office.send() == 1
    office.clock.go_on(10 * 86_400)
    assert await office.send() == 0
    assert len(receiver.got) == 10
    assert len({(got.event_id, got.body) for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 10
    assert webhook.secret is not None
    assert all(verified(got, webhook.secret) for got in receiver.got)
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert (delivery.status, delivery.next_at, len(delivery.attempts)) == (DeliveryStatus.FAILED, None, 10)
    told = delivery.attempts[0]
    assert (told.status_code, told.error, told.excerpt) == (500, "status", ("not  now " + "x" * 500)[:200])
    assert told.duration_ms >= 0
    assert (await office.state_of(webhook.webhook_id))["active"]


async def test_what_is_taken_at_last_is_delivered_and_the_subscription_fails_no_more(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answers(503)
    await office.happen()
    await office.send()
    assert (await office.state_of(webhook.webhook_id))["failing_since"] == office.clock.now()
    receiver.answer = answers(200, "not kept")
    office.clock.go_on(PAUSES_S[0])
    await office.send()
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert (delivery.status, delivery.finished_at) == (DeliveryStatus.DELIVERED, office.clock.now())
    assert [(one.status_code, one.excerpt) for one in delivery.attempts] == [(503, ""), (200, None)]
    assert (await office.state_of(webhook.webhook_id))["failing_since"] is None


@pytest.mark.parametrize(
    ("answer", "error", "status_code"),
    [
        (answers(302, location="http://127.0.0.2:1/"), "redirect", 302),
        (answers(404), "status", 404),
        (endless, "status", 500),
        (resets, "broken", None),
        (hangs, "timeout", None),
    ],
)
async def test_every_other_answer_and_none_is_tried_again(
    office: Office,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    error: str,
    status_code: int | None,
) -> None:
    if answer is hangs:
        monkeypatch.setattr(adapter, "DEADLINE_S", 0.5)
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answer
    await office.happen()
    await office.send()
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert (delivery.status, delivery.next_at) == (
        DeliveryStatus.PENDING,
        office.clock.now() + timedelta(seconds=PAUSES_S[0]),
    )
    assert [(one.error, one.status_code) for one in delivery.attempts] == [(error, status_code)]


async def test_a_receiver_that_asks_for_a_longer_pause_gets_it(office: Office, receiver: Receiver) -> None:
    await office.subscribe(receiver.url)
    receiver.answer = answers(429, retry_after="600")
    await office.happen()
    await office.send()
    office.clock.go_on(599)
    assert await office.send() == 0
    office.clock.go_on(1)
    assert await office.send() == 1


async def test_a_receiver_that_is_gone_is_sent_nothing_more_until_somebody_switches_it_on(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answers(410)
    await office.happen()
    assert await office.send() == 1
    state = await office.state_of(webhook.webhook_id)
    assert (state["active"], state["off_reason"], state["version"]) == (False, OffReason.GONE, 2)
    (delivery,) = await office.log_of(webhook.webhook_id)
    assert (delivery.status, delivery.attempts[0].error) == (DeliveryStatus.FAILED, "gone")
    await office.happen()
    office.clock.go_on(86_400)
    assert await office.send() == 0


async def test_who_fails_for_five_days_is_switched_off(office: Office, receiver: Receiver) -> None:
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answers(500)
    await office.happen()
    await office.send()
    office.clock.go_on(5 * 86_400 - 1)
    await office.send()
    assert (await office.state_of(webhook.webhook_id))["active"]
    office.clock.go_on(86_400)
    await office.send()
    state = await office.state_of(webhook.webhook_id)
    assert (state["active"], state["off_reason"]) == (False, OffReason.FAILING)


async def test_what_waits_is_not_sent_while_the_subscription_is_off_and_goes_on_when_it_is_on_again(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answers(500)
    await office.happen()
    await office.send()
    await office.switch(webhook.webhook_id, on=False)
    office.clock.go_on(86_400)
    assert await office.send() == 0
    await office.switch(webhook.webhook_id, on=True)
    assert await office.send() == 1


async def test_for_a_day_after_a_new_secret_both_sign_and_then_the_new_one_alone(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    answer = await office.webhooks.rotate(SUPERVISOR, webhook.webhook_id, None)
    new = WebhookWithSecret.model_validate_json(answer.body)
    assert webhook.secret is not None
    assert new.secret is not None
    assert webhook.secret != new.secret
    for forward, signatures in ((0.0, 2), (OVERLAP.total_seconds() - 1, 2), (1.0, 1)):
        office.clock.go_on(forward)
        await office.happen()
        await office.send()
        got = receiver.got[-1]
        assert got.headers["webhook-signature"].count("v1,") == signatures
        assert verified(got, new.secret)
        assert verified(got, webhook.secret) == (signatures == 2)


async def test_a_delivery_is_sent_once_more_under_its_id_and_so_is_all_that_failed_since(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.subscribe(receiver.url)
    receiver.answer = answers(500)
    await office.happen(3)
    await office.send()
    for pause in PAUSES_S:
        office.clock.go_on(pause)
        await office.send()
    receiver.got.clear()
    receiver.answer = answers(204)
    failed = await office.log_of(webhook.webhook_id)
    assert [one.status for one in failed] == [DeliveryStatus.FAILED] * 3
    one = failed[0]
    await office.deliveries.replay(SUPERVISOR, webhook.webhook_id, one.delivery_id, None)
    await office.send()
    assert [got.event_id for got in receiver.got] == [str(one.event_id)]
    await office.deliveries.replay(SUPERVISOR, webhook.webhook_id, one.delivery_id, None)  # what was taken, too
    await office.send()
    assert [got.event_id for got in receiver.got] == [str(one.event_id)] * 2
    since = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    await office.deliveries.replay_failed(SUPERVISOR, webhook.webhook_id, ReplayRequest(since=since), None)
    await office.send()
    assert {got.event_id for got in receiver.got[2:]} == {str(other.event_id) for other in failed[1:]}
    assert [one.status for one in await office.log_of(webhook.webhook_id)] == [DeliveryStatus.DELIVERED] * 3
