"""A secret is shown once, whatever is asked again, and is in no log."""

import json

from support.api import rows
from support.lines import Lines
from support.receivers import Receiver, answers
from support.service import Person, RunningService, eventually
from support.webhooks_api import HOOKS, change, first_delivery, subscribe


async def test_a_request_that_is_sent_again_has_one_effect_and_shows_no_secret_the_second_time(
    service: RunningService, supervisor: Person, receiver: Receiver
) -> None:
    body = {"url": receiver.url}
    first, again = [await supervisor.ask("POST", HOOKS, body, idempotency_key="k") for _ in range(2)]
    assert again.headers["idempotency-replayed"] == "true"
    assert again.body == first.body | {"secret": None}
    assert len(await rows(service, "SELECT FROM support_webhooks")) == 1
    path = f"{HOOKS}/{first.body['webhook_id']}"
    rotated, not_again = [await supervisor.ask("POST", f"{path}/secret", idempotency_key="r") for _ in range(2)]
    assert not_again.body == rotated.body | {"secret": None}
    tests = [await supervisor.ask("POST", f"{path}/test", idempotency_key="t") for _ in range(2)]
    assert tests[0].body["delivery_id"] == tests[1].body["delivery_id"]
    kept = await rows(service, "SELECT body FROM idempotency_keys")
    assert len(kept) == 3
    assert not [row for row in kept if b"whsec_" in row["body"]]


async def test_a_secret_and_what_follows_a_urls_question_mark_are_in_no_further_answer_nor_in_any_log_line(
    service: RunningService, supervisor: Person, receiver: Receiver, lines: Lines
) -> None:
    webhook = await subscribe(supervisor, f"{receiver.url}?key=PLANTED")
    path = f"{HOOKS}/{webhook['webhook_id']}"
    rotated = (await supervisor.ask("POST", f"{path}/secret")).body
    receiver.answer = answers(500, "PLANTED answer")
    agent = service.person("AGENT", teams=("orders",))
    await agent.open_case()
    await first_delivery(supervisor, webhook, "PENDING")
    await supervisor.ask("POST", f"{path}/test")
    failed = await first_delivery(supervisor, webhook, "FAILED")
    receiver.answer = answers(410)
    await supervisor.ask("POST", f"{path}/deliveries/{failed['delivery_id']}/replay")

    async def switched_off() -> bool:
        return not (await supervisor.get(path))["active"]

    await eventually(switched_off)
    shown = [await supervisor.get(where) for where in (HOOKS, path, f"{path}/deliveries")]
    shown.append((await change(supervisor, shown[1], active=True)).body)
    for secret in (webhook["secret"], rotated["secret"]):
        assert secret.startswith("whsec_")
        assert secret not in json.dumps(shown)
        assert secret.removeprefix("whsec_") not in lines.text
    assert "whsec_" not in json.dumps(shown) + lines.text
    assert {"webhook.created", "webhook.sent", "webhook.switched_off", "webhook.secret_rotated"} <= lines.events()
    assert lines.of(event="webhook.sent", webhook_id=webhook["webhook_id"], status_code=410)
    lines.assert_nothing_personal()
    detail = await rows(service, "SELECT detail::text AS detail FROM support_agent_activity")
    assert not [row for row in detail if "PLANTED" in row["detail"] or "whsec_" in row["detail"]]
