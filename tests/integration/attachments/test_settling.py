"""What no message came to hold is deleted a day after it was asked for, and nothing else is, whoever dies meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.api import problem, rows
from support.blobs import PNG, Uploader
from support.service import RunningService
from support_service.attachments import SETTLE, AttachmentJobs
from support_service.kit.due import Due
from support_service.ports.blobs import BlobsUnavailable


def files(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in (folder / "blobs").rglob("*") if path.is_file())


async def settle(service: RunningService, attachment_id: str) -> None:
    await AttachmentJobs(service.worker.database, service.worker.blobs).settle(Due(SETTLE, attachment_id, 1, None))


async def states(service: RunningService) -> dict[str, str]:
    found = await rows(service, "SELECT attachment_id::text, state FROM support_attachments")
    return {row["attachment_id"]: row["state"] for row in found}


async def test_each_upload_comes_due_a_day_after_it_was_asked_for(service: RunningService, uploader: Uploader) -> None:
    requested = await uploader.request()
    (due,) = await rows(service, "SELECT key, next_at FROM due_work WHERE kind = $1", SETTLE)
    assert due["key"] == requested["attachment_id"]
    assert abs(due["next_at"] - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)


async def test_what_was_never_uploaded_never_checked_rejected_or_never_attached_is_deleted(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    never, unchecked, rejected = [await uploader.request() for _ in range(3)]
    assert await uploader.put(unchecked) == 204
    assert await uploader.put(rejected, PNG[::-1]) == 204
    assert (await uploader.complete(rejected)).body["state"] == "rejected"
    unattached = await uploader.ready()
    ids = [each["attachment_id"] for each in (never, unchecked, rejected)] + [unattached]
    assert files(tmp_path) == ["attachments", "staging"]
    for attachment_id in (*ids, *ids):  # the second time there is nothing left to do
        await settle(service, attachment_id)
    assert files(tmp_path) == []
    assert await states(service) == {}
    gone = await uploader.person.ask("GET", f"{uploader.path}/{unattached}")
    assert problem(gone) == (404, "attachment-not-found")


async def test_what_a_message_holds_stays_and_only_what_was_uploaded_once_more_goes(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    requested = await uploader.request()
    attachment_id = requested["attachment_id"]
    assert await uploader.put(requested) == 204
    assert (await uploader.complete(requested)).body["state"] == "ready"
    assert (await uploader.person.say(uploader.ticket_id, "See", attachment_ids=[attachment_id])).status == 201
    assert await uploader.put(requested) == 204
    assert files(tmp_path) == ["attachments", "staging"]
    await settle(service, attachment_id)
    assert files(tmp_path) == ["attachments"]
    found = await uploader.person.get(f"{uploader.path}/{attachment_id}")
    async with service.session.get(service.url + found["download_url"]) as answer:
        assert await answer.read() == PNG


async def test_while_the_store_is_away_nothing_is_forgotten_and_nobody_can_attach_what_is_being_deleted(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    attachment_id = await uploader.ready()
    (tmp_path / "blobs" / "staging").rmdir()
    (tmp_path / "blobs" / "staging").write_text("no folder")
    with pytest.raises(BlobsUnavailable):
        await settle(service, attachment_id)
    assert await states(service) == {attachment_id: "deleted"}
    refused = await uploader.person.say(uploader.ticket_id, "See", attachment_ids=[attachment_id])
    assert problem(refused) == (422, "attachments-unusable")
    (tmp_path / "blobs" / "staging").unlink()
    await settle(service, attachment_id)
    assert await states(service) == {}
    assert files(tmp_path) == []


async def test_a_message_and_the_deletion_of_its_file_never_both_happen(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    outcomes = set()
    for _ in range(6):
        attachment_id = await uploader.ready()
        said: Any
        said, _ = await asyncio.gather(
            uploader.person.say(uploader.ticket_id, "See", attachment_ids=[attachment_id]),
            settle(service, attachment_id),
        )
        left = attachment_id in await states(service)
        assert (said.status == 201) == left
        outcomes.add(said.status)
    held = await rows(service, "SELECT object_key FROM support_attachments")
    assert all((tmp_path / "blobs" / row["object_key"]).is_file() for row in held)
    assert outcomes <= {201, 422}


async def test_a_check_whose_process_died_is_done_by_the_next_and_its_copy_goes(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    requested = await uploader.request()
    assert await uploader.put(requested) == 204
    blobs = service.api.blobs
    assert blobs is not None
    (row,) = await rows(service, "SELECT staging_key FROM support_attachments")
    await blobs.copy(row["staging_key"], "attachments/dead")
    dying = (
        "UPDATE support_attachments SET object_key = 'attachments/dead', checking_until = now() + $1::interval"
        " RETURNING state"
    )
    await rows(service, dying, timedelta(seconds=30))
    assert problem(await uploader.complete(requested)) == (409, "check-under-way")
    await rows(service, dying, timedelta(seconds=-1))
    assert (await uploader.complete(requested)).body["state"] == "ready"
    assert files(tmp_path) == ["attachments"]
    assert await blobs.size("attachments/dead") is None


async def test_a_store_that_is_away_is_a_503_and_the_check_is_done_when_it_is_back(
    service: RunningService, uploader: Uploader, tmp_path: Path
) -> None:
    requested = await uploader.request()
    assert await uploader.put(requested) == 204
    clean = tmp_path / "blobs" / "attachments"
    clean.write_text("no folder")
    assert problem(await uploader.complete(requested)) == (503, "files-unavailable")
    clean.unlink()
    assert (await uploader.complete(requested)).body["state"] == "ready"
