"""A file's whole way: asked for, uploaded, checked, held by a message, fetched."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

from support.api import CASES, count, patch, problem, rows
from support.blobs import PDF, PNG, Uploader, declared
from support.service import Answer, Person, RunningService

NAME = "Hóa đơn 👨‍👩‍👧 فاتورة.png"


async def conversation(person: Person, ticket_id: str) -> Any:
    return (await person.get(f"{CASES}/{ticket_id}"))["conversation"]


async def test_a_file_is_uploaded_checked_held_by_a_message_and_fetched_as_it_was(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    requested = await uploader.request(PNG, file_name=NAME)
    assert (requested["state"], requested["file_name"]) == ("requested", NAME)
    assert requested["upload"]["method"] == "POST"
    assert await uploader.put(requested) == 204
    completed = await uploader.complete(requested)
    assert (completed.status, completed.body["state"], completed.body["reason"]) == (200, "ready", None)
    posted = await agent.say(uploader.ticket_id, "See this.", attachment_ids=[requested["attachment_id"]])
    assert posted.status == 201
    shown = [
        {"attachment_id": requested["attachment_id"], "file_name": NAME, "content_type": "image/png", "size": len(PNG)}
    ]
    assert posted.body["attachments"] == shown
    newest = (await conversation(agent, uploader.ticket_id))[-1]
    page = await agent.get(f"{CASES}/{uploader.ticket_id}/messages")
    assert newest == page["items"][0] == posted.body
    found = await agent.get(f"{uploader.path}/{requested['attachment_id']}")
    assert found["conversation_id"] == newest["conversation_id"]
    async with service.session.get(service.url + found["download_url"]) as answer:
        assert await answer.read() == PNG
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment; filename=")
        assert disposition.endswith(f"filename*=UTF-8''{quote(NAME)}")


async def test_the_messages_uri_names_its_first_file_and_is_signed_by_nobody(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    ids = [await uploader.ready(PDF, file_name=f"{n}.pdf", content_type="application/pdf") for n in range(3)]
    message = (await agent.say(uploader.ticket_id, "Three", attachment_ids=ids[::-1])).body
    assert [file["attachment_id"] for file in message["attachments"]] == ids[::-1]
    (row,) = await rows(service, "SELECT object_key FROM support_attachments WHERE attachment_id::text = $1", ids[-1])
    assert message["attachment_uri"] == f"urn:support-service:blob:{row['object_key']}"
    (kept,) = await rows(service, "SELECT attachment_uri FROM support_conversations WHERE attachment_uri IS NOT NULL")
    assert kept["attachment_uri"] == message["attachment_uri"]


async def test_asking_twice_under_one_key_gives_one_file_and_a_form_that_is_good_now(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    body = declared(PNG)
    first, again = [await agent.ask("POST", uploader.path, body, idempotency_key="k-1") for _ in range(2)]
    assert first.status == again.status == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert first.body["attachment_id"] == again.body["attachment_id"]
    assert first.headers["location"] == f"{uploader.path}/{first.body['attachment_id']}"
    assert await count(service, "support_attachments") == 1
    assert await uploader.put(again.body) == 204
    assert (await uploader.complete(again.body)).body["state"] == "ready"
    late = await agent.ask("POST", uploader.path, body, idempotency_key="k-1")
    assert late.body["upload"] is None, "what was checked is not uploaded again"
    kept = await rows(service, "SELECT convert_from(body, 'UTF8') AS body FROM idempotency_keys WHERE key = 'k-1'")
    assert "signature" not in kept[0]["body"]


async def test_checking_twice_gives_the_same_one_after_the_other_and_side_by_side(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    content = PNG + bytes(3_000_000)
    requested = await uploader.request(content)
    assert (await problem_of(uploader, requested)) == (409, "not-uploaded")
    assert await uploader.put(requested, content) == 204
    answers = await asyncio.gather(*(uploader.complete(requested) for _ in range(6)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert all(problem(answer) == (409, "check-under-way") for answer in answers if answer.status == 409)
    ready = [answer.body for answer in answers if answer.status == 200]
    assert ready
    assert (await uploader.complete(requested)).body == ready[0]
    assert {body["state"] for body in ready} == {"ready"}
    assert await uploader.put(requested, content) == 204, "the form is good until its time is over, and changes nothing"
    assert (await uploader.complete(requested)).body == ready[0]
    assert [path.stat().st_size for path in (tmp_path / "blobs" / "attachments").iterdir()] == [len(content)]


async def problem_of(uploader: Uploader, requested: Any) -> tuple[int, str]:
    return problem(await uploader.complete(requested))


async def test_two_uploads_side_by_side_do_not_mix(service: RunningService, uploader: Uploader) -> None:
    contents = [PNG + bytes([n]) * 2_000_000 for n in range(2)]
    requested = [await uploader.request(content) for content in contents]
    uploads = [uploader.put(*each) for each in zip(requested, contents, strict=True)]
    assert await asyncio.gather(*uploads) == [204, 204]
    checked = await asyncio.gather(*map(uploader.complete, requested))
    assert [answer.body["state"] for answer in checked] == ["ready", "ready"]


async def test_a_customers_words_on_a_closed_case_take_their_files_to_the_case_that_goes_on(
    service: RunningService,
) -> None:
    machine, supervisor = service.person("SERVICE"), service.person("SUPERVISOR")
    closed = (await machine.open_case())["ticket_id"]
    assert (await patch(supervisor, closed, 1, status="CLOSED")).status == 200
    uploader = Uploader(service, machine, closed)
    attachment_id = await uploader.ready()
    posted = await machine.say(closed, "Still broken", on_behalf_of_customer=True, attachment_ids=[attachment_id])
    assert posted.status == 201
    linked = posted.body["ticket_id"]
    assert linked != closed
    assert posted.body["attachments"][0]["attachment_id"] == attachment_id
    assert (await conversation(machine, linked))[-1] == posted.body
    assert problem(await machine.ask("GET", f"{uploader.path}/{attachment_id}")) == (404, "attachment-not-found")
    assert (await machine.get(f"{CASES}/{linked}/attachments/{attachment_id}"))["download_url"]


async def test_what_was_done_with_files_is_on_record_in_ids_and_codes(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    attachment_id = await uploader.ready(PNG, file_name="PLANTED.png")
    posted = await agent.say(uploader.ticket_id, "See", attachment_ids=[attachment_id])
    await agent.get(f"{uploader.path}/{attachment_id}")
    written = await rows(
        service,
        "SELECT action, detail, ticket_id::text FROM support_agent_activity WHERE action LIKE 'attachment.%'"
        " ORDER BY activity_id",
    )
    told = {"attachment_id": attachment_id}
    held = told | {"conversation_id": posted.body["conversation_id"]}
    assert [(row["action"], row["detail"]) for row in written] == [
        ("attachment.requested", told),
        ("attachment.attached", held),
        ("attachment.downloaded", told),
    ]
    assert {row["ticket_id"] for row in written} == {uploader.ticket_id}


async def test_a_case_without_files_is_read_without_asking_for_any(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    async def looked() -> Answer:
        await agent.say(uploader.ticket_id, "Hello")
        return await agent.ask("GET", f"{CASES}/{uploader.ticket_id}")

    async with service.api.database.transaction() as tx:
        await tx.execute("LOCK TABLE support_attachments IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(8):  # whoever asks for files now waits until the database gives up, after 10 s
            assert (await looked()).status == 200
    await agent.say(uploader.ticket_id, "See", attachment_ids=[await uploader.ready()])
    assert (await looked()).body["conversation"][-2]["attachments"]
