"""From the event log to what is to be sent: each event once for each subscription that wants it, and kept for a while."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from support.receivers import Receiver, verified
from support.webhooks import CLOSED, SUPERVISOR, Office
from support_service.kit.database import Tx
from support_service.kit.due import DueWorker
from support_service.kit.eventlog import Follower, LogRow, Relay
from support_service.kit.ids import first_id_at
from support_service.webhooks import FORGET
from support_service.webhooks.jobs import KEPT


async def test_an_event_comes_signed_to_each_who_wants_it_with_its_place_in_the_log(
    office: Office, receiver: Receiver
) -> None:
    everything = await office.subscribe(receiver.url + "?all")
    closed = await office.subscribe(receiver.url + "?closed", CLOSED)
    await office.subscribe(receiver.url + "?opened", "support.case.opened")
    first, second = await office.happen(2)
    assert await office.send() == 4
    assert {got.path for got in receiver.got} == {"/hook?all", "/hook?closed"}
    for webhook, path in ((everything, "/hook?all"), (closed, "/hook?closed")):
        got = sorted((one for one in receiver.got if one.path == path), key=lambda one: one.told["position"])
        assert [one.told["data"]["ticket_id"] for one in got] == [str(first), str(second)]
        assert [(one.told["type"], one.told["sequence"]) for one in got] == [(CLOSED, 2)] * 2
        assert set(got[0].told) == {"type", "timestamp", "subject", "sequence", "position", "data"}
        assert webhook.secret is not None
        assert all(verified(one, webhook.secret) for one in got)
        assert {one.headers["webhook-id"] for one in got} == {one.event_id for one in receiver.got}
        assert got[0].headers["webhook-timestamp"] == str(int(office.clock.now().timestamp()))
    assert await office.send() == 0


async def test_what_happened_before_somebody_asked_or_while_it_was_off_is_not_sent(
    office: Office, receiver: Receiver
) -> None:
    await office.happen(3)
    webhook = await office.subscribe(receiver.url)
    (wanted,) = await office.happen()
    async with office.database.connection() as connection:  # a worker that begins with the log's first row
        await connection.execute("UPDATE log_cursors SET position = 0 WHERE name = 'webhooks'")
        await connection.execute("DELETE FROM support_webhook_deliveries")
    await office.follow()
    await office.send()
    assert [got.told["data"]["ticket_id"] for got in receiver.got] == [str(wanted)]
    await office.switch(webhook.webhook_id, on=False)
    await office.log(2)
    await Relay(office.database).step()  # but the follower is behind
    await office.switch(webhook.webhook_id, on=True)
    (later,) = await office.happen()
    await office.send()
    assert [got.told["data"]["ticket_id"] for got in receiver.got[1:]] == [str(later)]


async def test_a_batch_that_fails_adds_nothing_and_comes_again_whole(office: Office, receiver: Receiver) -> None:
    webhook = await office.subscribe(receiver.url)

    async def fail(tx: Tx, rows: Sequence[LogRow]) -> None:
        await office.jobs.follow(tx, rows)
        raise RuntimeError

    await office.log()
    await Relay(office.database).step()
    follower = Follower(office.database, "webhooks", fail)
    with pytest.raises(RuntimeError):
        await follower.step()
    assert await office.log_of(webhook.webhook_id) == ()
    await office.follow()
    assert len(await office.log_of(webhook.webhook_id)) == 1


async def test_deliveries_are_deleted_after_thirty_days_in_batches(office: Office, receiver: Receiver) -> None:
    webhook = await office.subscribe(receiver.url)
    await office.happen(3)
    now = office.clock.now()
    async with office.database.connection() as connection:
        ids = [row[0] for row in await connection.fetch("SELECT delivery_id FROM support_webhook_deliveries")]
        for delivery_id, age in zip(ids, (KEPT + timedelta(seconds=1), KEPT - timedelta(seconds=1)), strict=False):
            await connection.execute(
                "UPDATE support_webhook_deliveries SET delivery_id = $2 WHERE delivery_id = $1",
                delivery_id,
                first_id_at(now - age),
            )
        await connection.execute(
            "INSERT INTO support_webhook_deliveries (delivery_id, webhook_id, event_id, type, body, status, created_at)"
            " SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, gen_random_uuid(), 't', '{}',"
            " 'DELIVERED', now() FROM generate_series(1, 2500) AS n",
            webhook.webhook_id,
        )
    await office.jobs.purge(now)
    left = {one.delivery_id for one in await office.log_of(webhook.webhook_id)}
    assert left == {first_id_at(now - KEPT + timedelta(seconds=1)), ids[2]}


async def test_with_a_webhook_its_deliveries_go_soon_after(office: Office, receiver: Receiver) -> None:
    webhook, other = await office.subscribe(receiver.url), await office.subscribe(receiver.url)
    await office.happen(3)
    await office.webhooks.delete(SUPERVISOR, webhook.webhook_id)
    assert await office.send() == 3  # the other's
    worker = DueWorker(office.database, office.clock, {FORGET: office.jobs.forget}, periodic=())
    assert await worker.step() == 1
    async with office.database.connection() as connection:
        left = await connection.fetch("SELECT DISTINCT webhook_id FROM support_webhook_deliveries")
    assert [row["webhook_id"] for row in left] == [other.webhook_id]
