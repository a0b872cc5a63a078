"""What somebody who means harm may try with files, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from yarl import URL

from support.api import CASES, count, pointers, problem, rows, send
from support.blobs import PDF, PNG, Uploader, declared, post_form
from support.clocks import HandClock
from support.service import Person, RunningService
from support_service.adapters.embedded.blobs import LARGEST_FORM, EmbeddedBlobs
from support_service.attachments import store
from support_service.attachments.model import MOST_UNATTACHED
from support_service.ports.blobs import Upload

HTML = b"<!doctype html><script>fetch('/support/cases')</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"content_type": "image/svg+xml", "file_name": "a.svg"}, "content-type-refused"),
        ({"content_type": "text/html", "file_name": "a.html"}, "content-type-refused"),
        ({"content_type": "application/zip", "file_name": "a.zip"}, "content-type-refused"),
        ({"content_type": "application/octet-stream"}, "content-type-refused"),
        ({"file_name": "a.html"}, "file-name-refused"),
        ({"file_name": "a.png.exe"}, "file-name-refused"),
        ({"content_type": "text/plain", "file_name": "a.html"}, "file-name-refused"),
    ],
    ids=str,
)
async def test_what_is_not_accepted_is_refused_with_a_word(
    service: RunningService, uploader: Uploader, fields: dict[str, str], kind: str
) -> None:
    answer = await uploader.person.ask("POST", uploader.path, declared(PNG, **fields))
    assert problem(answer) == (422, kind)
    assert await count(service, "support_attachments") == 0


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("content_type", "image/png;text/html"),
        ("content_type", "text/html; charset=utf-8"),
        ("content_type", "image/png\r\nset-cookie: a=b"),
        ("content_type", "IMAGE/PNG"),
        ("content_type", "image/png "),
        ("file_name", "../../a.png"),
        ("file_name", "a\u200b.png"),
        ("file_name", "a\u202egnp.exe.png"),
        ("file_name", "a\r\n.png"),
        ("file_name", "x" * 252 + ".png"),
        ("size", 0),
        ("size", -1),
        ("size", 2**63),
        ("sha256", "0" * 63),
        ("sha256", "G" * 64),
        ("nope", 1),
    ],
    ids=repr,
)
async def test_fields_that_hide_something_are_named(uploader: Uploader, pointer: str, value: object) -> None:
    answer = await uploader.person.ask("POST", uploader.path, declared(PNG) | {pointer: value})
    assert pointers(answer) == [f"/{pointer}"]


async def test_more_than_may_be_is_refused_before_a_byte_of_it_is_sent(uploader: Uploader) -> None:
    answer = await uploader.person.ask("POST", uploader.path, declared(PNG, size=25_000_001))
    assert problem(answer) == (413, "attachment-too-large")
    assert answer.body["most_bytes"] == 25_000_000


@pytest.mark.parametrize("content", [HTML, SVG, PDF, b"MZ" + bytes(90)])
async def test_what_is_not_what_it_was_called_is_rejected_and_gone(
    service: RunningService, uploader: Uploader, tmp_path: Path, content: bytes
) -> None:
    requested = await uploader.request(content)
    assert await uploader.put(requested, content) == 204
    answer = await uploader.complete(requested)
    assert (answer.status, answer.body["state"], answer.body["reason"]) == (200, "rejected", "type_differs")
    assert (await uploader.complete(requested)).body == answer.body
    found = await uploader.person.get(f"{uploader.path}/{requested['attachment_id']}")
    assert found["download_url"] is None
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    refused = await uploader.person.say(uploader.ticket_id, "See", attachment_ids=[requested["attachment_id"]])
    assert problem(refused) == (422, "attachments-unusable")


async def test_other_bytes_than_were_declared_are_rejected(uploader: Uploader) -> None:
    requested = await uploader.request(PNG)
    assert await uploader.put(requested, PNG[:-1] + b"!") == 204
    assert (await uploader.complete(requested)).body["reason"] == "hash_differs"


@pytest.mark.parametrize("by", [-1, 1, 2_000_000])
async def test_a_body_of_another_size_than_signed_is_refused_and_not_kept(uploader: Uploader, by: int) -> None:
    requested = await uploader.request(PNG)
    content = PNG[:by] if by < 0 else PNG + bytes(by)
    assert await uploader.put(requested, content) == (422 if by < 0 else 413)
    assert problem(await uploader.complete(requested)) == (409, "not-uploaded")


async def test_more_than_any_file_may_have_is_refused_by_its_length_and_while_it_comes(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    requested = await uploader.request(PNG)
    url = service.url + requested["upload"]["url"]
    headers = {"content-type": "multipart/form-data; boundary=x"}
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
    length = 25_000_000 + LARGEST_FORM + 1
    writer.write(f"POST /support/blobs HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n".encode())
    assert b" 413 " in await reader.readline()
    writer.close()

    async def endless() -> AsyncIterator[bytes]:
        for name, value in requested["upload"]["fields"].items():
            yield f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        for _ in range(30):
            yield bytes(100_000)

    async with service.session.post(url, data=endless(), headers=headers) as answer:
        assert answer.status == 413
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


async def test_a_large_file_passes_although_no_other_body_of_that_size_does(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    content = PNG + bytes(24_000_000)
    assert await uploader.ready(content)
    body = BytesIO(b'{"message": "' + b"x" * 1_100_000 + b'"}')
    too_much = await send(service, "POST", f"{CASES}/{uploader.ticket_id}/messages", body, agent.token)
    assert too_much.status == 413


@pytest.mark.parametrize(
    "altered",
    [
        {"key": "staging/" + "0" * 64},
        {"key": "attachments/" + "0" * 64},
        {"key": "../../../tmp/x"},
        {"content-type": "text/html"},
        {"most": "100000000"},
        {"least": "0"},
        {"expires": "99999999999"},
        {"signature": "0" * 64},
    ],
    ids=str,
)
async def test_a_form_of_which_anything_was_altered_is_403(uploader: Uploader, altered: dict[str, str]) -> None:
    requested = await uploader.request(PNG)
    assert await uploader.put(requested, altered=altered) == 403
    assert problem(await uploader.complete(requested)) == (409, "not-uploaded")


async def test_a_form_and_an_address_whose_time_is_over_are_403(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    attachment_id = await uploader.ready()
    (row,) = await rows(service, "SELECT * FROM support_attachments WHERE attachment_id::text = $1", attachment_id)
    clock = HandClock()
    clock.go_on((datetime.now(UTC) - clock.now() - timedelta(seconds=301)).total_seconds())
    earlier = EmbeddedBlobs(tmp_path / "blobs", secret="blobs " * 8, clock=clock)
    form = await earlier.sign_upload(Upload(row["staging_key"], "image/png", len(PNG), len(PNG)))
    assert await post_form(service.session, service.url + form.url, form.fields, PNG) == 403
    address = await earlier.sign_download(row["object_key"], content_type="image/png", disposition="attachment")
    async with service.session.get(service.url + address.url) as answer:
        assert answer.status == 403
    clock.go_on(290)
    address = await earlier.sign_download(row["object_key"], content_type="image/png", disposition="attachment")
    async with service.session.get(service.url + address.url) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["../../../../etc/passwd", "%2e%2e%2fetc%2fpasswd", "staging/%00", "", "attachments"])
async def test_no_path_leads_out_of_the_store(service: RunningService, path: str) -> None:
    raw = URL(f"{service.url}/support/blobs/{path}?expires=99999999999&signature=00", encoded=True)
    async with service.session.get(raw) as answer:
        assert answer.status in {403, 404, 405}
        assert b"root:" not in await answer.read()


async def test_what_nobody_holds_yet_is_its_uploaders_alone_and_out_of_sight_is_out_of_sight(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    colleague, stranger = service.person("AGENT", teams=("orders",)), service.person("AGENT", teams=("payments",))
    requested = await uploader.request(PNG)
    await uploader.put(requested)
    path = f"{uploader.path}/{requested['attachment_id']}"
    guessed = f"{uploader.path}/{uuid4()}"
    for method, tail in (("GET", ""), ("POST", "/complete")):
        for person in (colleague, service.person("SUPERVISOR")):
            hidden, absent = await person.ask(method, path + tail), await person.ask(method, guessed + tail)
            assert problem(hidden) == (404, "attachment-not-found")
            assert hidden.body == absent.body
        assert problem(await stranger.ask(method, path + tail)) == (404, "case-not-found")
    denied = await rows(service, "SELECT action FROM support_agent_activity WHERE action = 'case.out_of_sight'")
    assert len(denied) == 2
    assert (await uploader.complete(requested)).body["state"] == "ready"
    taken = await colleague.say(uploader.ticket_id, "Mine", attachment_ids=[requested["attachment_id"]])
    assert problem(taken) == (422, "attachments-unusable")
    await agent.say(uploader.ticket_id, "Ours", attachment_ids=[requested["attachment_id"]])
    assert (await colleague.get(path))["download_url"]
    assert problem(await stranger.ask("GET", path)) == (404, "case-not-found")


async def test_a_file_of_another_case_is_404_and_cannot_be_attached(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    other = (await agent.open_case())["ticket_id"]
    attachment_id = await uploader.ready()
    for method, tail in (("GET", ""), ("POST", "/complete")):
        answer = await agent.ask(method, f"{CASES}/{other}/attachments/{attachment_id}{tail}")
        assert problem(answer) == (404, "attachment-not-found")
    assert problem(await agent.say(other, "See", attachment_ids=[attachment_id])) == (422, "attachments-unusable")


async def test_what_cannot_be_attached_is_named_and_the_message_is_not_posted(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    good, pending, nobody = await uploader.ready(), (await uploader.request())["attachment_id"], str(uuid4())
    refused = await agent.say(uploader.ticket_id, "See", attachment_ids=[good, pending, nobody])
    assert problem(refused) == (422, "attachments-unusable")
    assert refused.body["attachment_ids"] == [pending, nobody]
    assert await count(service, "support_conversations") == 1
    assert (await agent.say(uploader.ticket_id, "See", attachment_ids=[good, good])).status == 201
    again = await agent.say(uploader.ticket_id, "Again", attachment_ids=[good])
    assert problem(again) == (422, "attachments-unusable")
    assert pointers(await agent.say(uploader.ticket_id, "x", attachment_ids=[str(uuid4()) for _ in range(11)]))


async def test_of_two_messages_at_once_one_holds_the_file(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    attachment_id = await uploader.ready()
    said = [agent.say(uploader.ticket_id, f"See {n}", attachment_ids=[attachment_id]) for n in range(4)]
    statuses = sorted(answer.status for answer in await asyncio.gather(*said))
    assert statuses == [201, 422, 422, 422]
    assert await count(service, "support_conversations WHERE attachment_uri IS NOT NULL") == 1


async def test_a_case_has_so_many_files_that_no_message_holds_and_no_more(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    await uploader.request()
    (row,) = await rows(service, "SELECT ticket_id, requested_by FROM support_attachments")
    async with service.api.database.connection() as connection:
        await connection.execute(
            "INSERT INTO support_attachments SELECT gen_random_uuid(), ticket_id, requested_by, file_name, content_type,"
            " size, sha256, state, reason, staging_key, object_key, checking_until, conversation_id, place, created_at"
            " FROM support_attachments, generate_series(1, 98)"
        )
    async with service.api.database.transaction() as tx:
        new, now = store.NewAttachment(**declared(PNG), staging_key="staging/0"), datetime.now(UTC)
        assert await store.insert(tx, row["ticket_id"], new, by=row["requested_by"], at=now, most=MOST_UNATTACHED)
        asked = asyncio.create_task(agent.ask("POST", uploader.path, declared(PNG)))
        await asyncio.sleep(0.5)
        assert not asked.done(), "the last one is not there before it is committed"
    assert problem(await asked) == (409, "too-many-attachments")
    other = Uploader(service, agent, (await agent.open_case())["ticket_id"])
    assert await other.request()


async def test_an_analyst_sees_that_there_is_a_file_and_neither_its_name_nor_a_way_to_it(
    service: RunningService, agent: Person, uploader: Uploader
) -> None:
    analyst = service.person("ANALYST")
    attachment_id = await uploader.ready(PNG, file_name="PLANTED.png")
    await agent.say(uploader.ticket_id, "See", attachment_ids=[attachment_id])
    found = await analyst.get(f"{uploader.path}/{attachment_id}")
    assert (found["file_name"], found["download_url"], found["size"]) == (None, None, len(PNG))
    for path in (f"{CASES}/{uploader.ticket_id}", f"{CASES}/{uploader.ticket_id}/messages"):
        seen = str(await analyst.get(path))
        assert attachment_id in seen
        assert "PLANTED" not in seen
        assert "urn:support-service:blob" not in seen
    assert await count(service, "support_agent_activity WHERE action = 'attachment.downloaded'") == 0


async def test_what_is_uploaded_while_it_is_checked_never_becomes_what_is_fetched(
    service: RunningService, uploader: Uploader
) -> None:
    evil = HTML.ljust(len(PNG), b" ")
    requested = await uploader.request(PNG)
    assert await uploader.put(requested) == 204
    swapping = [uploader.put(requested, evil if n % 2 else PNG) for n in range(20)]
    checking = asyncio.create_task(uploader.complete(requested))
    await asyncio.gather(*swapping)
    answer = await checking
    state = (await uploader.complete(requested)).body["state"]
    assert answer.status == 200, answer
    found = await uploader.person.get(f"{uploader.path}/{requested['attachment_id']}")
    if state == "ready":
        async with service.session.get(service.url + found["download_url"]) as download:
            assert await download.read() == PNG
    else:
        assert found["download_url"] is None
