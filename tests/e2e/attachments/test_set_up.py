"""A service keeps files when it is told where, and says so when it is not."""

from pathlib import Path
from typing import Any

import pytest

from support.api import problem
from support.blobs import PNG, declared
from support.postgres import DatabaseDsns
from support.service import RunningService, running_service
from support_service import wiring
from support_service.config import Settings
from support_service.entrypoints import doctor

LEAST = {"database_url": "postgresql://x", "oidc_issuer": "https://id.example"}


async def test_without_a_folder_files_are_503_and_everything_else_works(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> None:
    async with running_service(database_dsns, empty_database_url, tmp_path, blobs_directory=None) as service:
        agent = service.person("AGENT")
        ticket_id = (await agent.open_case())["ticket_id"]
        path = f"/support/cases/{ticket_id}/attachments"
        for method, tail in (("POST", ""), ("GET", f"/{ticket_id}"), ("POST", f"/{ticket_id}/complete")):
            body = declared(PNG) if not tail else None
            assert problem(await agent.ask(method, path + tail, body)) == (503, "attachments-not-set-up")
        assert problem(await agent.say(ticket_id, "See", attachment_ids=[ticket_id])) == (503, "attachments-not-set-up")
        assert (await agent.say(ticket_id, "Hello")).status == 201
        async with service.session.get(f"{service.url}/support/blobs/x?expires=1&signature=1") as answer:
            assert answer.status == 404
        assert [finding.state for finding in await doctor._files(service.api)] == ["off"]


async def test_the_doctor_says_whether_files_can_be_read(service: RunningService, tmp_path: Path) -> None:
    assert [finding.state for finding in await doctor._files(service.api)] == ["ok"]
    (tmp_path / "blobs").write_text("no folder")
    assert [finding.state for finding in await doctor._files(service.api)] == ["wrong"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"blobs_secret": None}, "BLOBS_SECRET"),
        ({"blobs_secret": "short"}, "at least 32"),
        ({"attachments_types": "image/png,image/svg+xml,text/html"}, r"image/svg\+xml, text/html"),
    ],
    ids=str,
)
async def test_settings_that_are_not_safe_are_refused_with_a_word(
    tmp_path: Path, wrong: dict[str, object], word: str
) -> None:
    settings = {"blobs_directory": tmp_path, "blobs_secret": "s" * 32, **LEAST, **wrong}
    with pytest.raises(wiring.NotConfigured, match=word):
        wiring.Services(Settings.model_validate(settings), name="test")


async def test_what_the_settings_name_is_accepted_and_nothing_else(
    database_dsns: DatabaseDsns, empty_database_url: str, tmp_path: Path
) -> None:
    only: dict[str, Any] = {"attachments_types": "application/zip, image/gif", "attachments_most_bytes": 100}
    async with running_service(database_dsns, empty_database_url, tmp_path, **only) as service:
        agent = service.person("AGENT")
        path = f"/support/cases/{(await agent.open_case())['ticket_id']}/attachments"
        archive = declared(PNG, content_type="application/zip", file_name="a.zip")
        assert (await agent.ask("POST", path, archive)).status == 201
        refused = await agent.ask("POST", path, declared(PNG))
        assert problem(refused) == (422, "content-type-refused")
        assert refused.body["content_types"] == ["application/zip", "image/gif"]
        assert problem(await agent.ask("POST", path, archive | {"size": 101})) == (413, "attachment-too-large")
