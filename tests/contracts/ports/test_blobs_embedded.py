"""What the embedded store of files does besides what every store does: its forms, its folder, its headers."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import aiohttp
import pytest
from fastapi import FastAPI

from contracts.ports.test_blobs import CONTENT, DISPOSITION, BlobBehaviour, upload
from support.clocks import HandClock
from support.service import eventually, serving_asgi
from support_service.adapters.embedded.blobs import BLOBS_PATH, EmbeddedBlobs, create_blob_routes
from support_service.kit.web import RequestContext, install_problem_handlers
from support_service.ports.blobs import SignedUpload


def begun(signed: SignedUpload) -> bytes:
    """A form with all of its fields, up to where the file begins."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in signed.fields.items()
    ]
    return "".join([*parts, '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n']).encode()


class TestEmbeddedBlobs(BlobBehaviour):
    @pytest.fixture(autouse=True)
    def clock(self) -> HandClock:
        self._clock = HandClock()
        return self._clock

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "blobs"

    @pytest.fixture
    def blobs(self, folder: Path, clock: HandClock) -> EmbeddedBlobs:
        return EmbeddedBlobs(folder, secret="s" * 32, clock=clock)

    @pytest.fixture
    async def base_url(self, blobs: EmbeddedBlobs) -> AsyncIterator[str]:
        app = FastAPI()
        app.add_middleware(RequestContext, larger={BLOBS_PATH: 10_000_000})
        install_problem_handlers(app)
        app.include_router(create_blob_routes(blobs))
        async with serving_asgi(app) as url:
            yield url

    async def later(self, seconds: float) -> None:
        self._clock.go_on(seconds)

    @pytest.mark.parametrize("field", ["least", "most", "expires", "signature"])
    @pytest.mark.parametrize("value", [None, "", "1", "99999999999999", "ü", "0" * 64])
    async def test_no_field_of_ours_can_be_altered(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession, field: str, value: str | None
    ) -> None:
        what = upload()
        assert await self.put(blobs, base_url, session, what, altered={field: value}) == 403
        assert await blobs.size(what.key) is None

    async def test_addresses_of_another_secret_are_refused(
        self, folder: Path, base_url: str, session: aiohttp.ClientSession, clock: HandClock
    ) -> None:
        stranger = EmbeddedBlobs(folder, secret="t" * 32, clock=clock)
        assert await self.put(stranger, base_url, session, upload()) == 403

    @pytest.mark.parametrize(
        "bad", ["../x", "/etc/passwd", "a/../b", "a//b", "a/", "A", "a.b", "a\x00", "", "a/./b", "%2e%2e/x", "x" * 201]
    )
    async def test_what_is_no_key_leads_nowhere(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession, bad: str
    ) -> None:
        with pytest.raises(ValueError, match="not a key"):
            await blobs.sign_upload(upload(of=bad))
        with pytest.raises(ValueError, match="not a key"):
            await blobs.size(bad)
        async with session.get(f"{base_url}{BLOBS_PATH}/{bad.replace(chr(0), '%00')}") as answer:
            assert answer.status in {403, 404, 405}

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("application/json", b"{}"),
            ("multipart/form-data", b"--x--"),
            ("multipart/form-data; boundary=x", b""),
            ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--\r\n"),
            ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--x--'),
            ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
            ("multipart/form-data; boundary=x", b"--y\r\n"),
            ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 100_000),
            (
                "multipart/form-data; boundary=x",
                b"".join(b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\nk\r\n' % n for n in range(50)),
            ),
            (
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + b"k" * 5_000 + b"\r\n--x--",
            ),
        ],
    )
    async def test_what_is_no_form_is_refused_with_a_word(
        self, base_url: str, session: aiohttp.ClientSession, content_type: str, body: bytes
    ) -> None:
        headers = {"content-type": content_type}
        async with session.post(base_url + BLOBS_PATH, data=body, headers=headers) as answer:
            assert answer.status == 422
            assert (await answer.json(content_type=None))["type"].endswith("upload-unreadable")

    async def test_a_form_without_its_end_or_with_something_after_the_file_keeps_nothing(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        form = begun(await blobs.sign_upload(what)) + CONTENT
        more = b'\r\n--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nother\r\n--x--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=x"}
        for end, status in ((b"", 422), (b"\r\n--x\r\n", 422), (more, 422), (b"\r\n--x--\r\n", 204)):
            assert await blobs.size(what.key) is None
            async with session.post(base_url + BLOBS_PATH, data=form + end, headers=headers) as answer:
                assert answer.status == status, end

    async def test_a_form_that_is_cut_off_keeps_nothing_and_leaves_nothing_behind(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession, folder: Path
    ) -> None:
        what = upload(3_000_000)
        signed = await blobs.sign_upload(what)

        async def half() -> AsyncIterator[bytes]:
            yield begun(signed)
            yield b"z" * 2_000_000
            await asyncio.sleep(0.2)
            assert any(path.stat().st_size >= 1_000_000 for path in folder.rglob("*") if path.is_file())
            message = "the client goes away"
            raise OSError(message)

        with suppress(OSError, aiohttp.ClientError):
            await session.post(
                base_url + signed.url, data=half(), headers={"content-type": "multipart/form-data; boundary=x"}
            )
        async with asyncio.timeout(5):
            while [path for path in folder.rglob("*") if path.is_file()]:
                await asyncio.sleep(0.02)
        assert await blobs.size(what.key) is None

    async def test_an_upload_that_takes_too_long_is_ended_and_leaves_nothing_behind(
        self, blobs: EmbeddedBlobs, session: aiohttp.ClientSession, folder: Path
    ) -> None:
        what = upload(3_000_000)
        signed = await blobs.sign_upload(what)

        async def trickle() -> AsyncIterator[bytes]:
            yield begun(signed)
            for _ in range(100):
                yield b"z"
                await asyncio.sleep(0.05)

        app = FastAPI()
        install_problem_handlers(app)
        app.include_router(create_blob_routes(blobs, longest_s=0.5))
        headers = {"content-type": "multipart/form-data; boundary=x"}
        async with serving_asgi(app) as url, session.post(url + BLOBS_PATH, data=trickle(), headers=headers) as answer:
            assert answer.status == 408
        assert [path for path in folder.rglob("*") if path.is_file()] == []

    async def test_what_a_dead_process_left_behind_is_cleared_away_by_the_next_upload(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession, folder: Path
    ) -> None:
        incoming = folder / ".incoming"
        incoming.mkdir(parents=True)
        old, young = incoming / "old", incoming / "young"
        old.write_bytes(b"x")
        young.write_bytes(b"x")
        two_hours_ago = datetime.now(UTC).timestamp() - 7_200
        os.utime(old, (two_hours_ago, two_hours_ago))
        await self.put(blobs, base_url, session, upload())
        assert not old.exists()
        assert young.exists()

    async def test_nobody_else_on_the_machine_reads_the_files(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession, folder: Path
    ) -> None:
        await self.put(blobs, base_url, session, upload())
        assert [path for path in folder.rglob("*") if path.stat().st_mode & 0o077] == []

    async def test_a_file_can_never_be_shown_as_a_page_of_ours(
        self, blobs: EmbeddedBlobs, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        await self.put(blobs, base_url, session, what)
        signed = await blobs.sign_download(what.key, content_type="application/pdf", disposition=DISPOSITION)
        async with session.get(base_url + signed.url) as answer:
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert answer.headers["content-disposition"].startswith("attachment;")
            assert answer.headers["cache-control"] == "private, no-store"

    async def test_a_reader_who_goes_while_the_file_is_opened_leaves_none_open(
        self, blobs: EmbeddedBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "cases").mkdir(parents=True)
        (folder / "cases" / "a").write_bytes(CONTENT)
        opened: list[BinaryIO] = []

        def slowly(path: Path) -> BinaryIO:
            time.sleep(0.2)
            opened.append(path.open("rb"))
            return opened[0]

        monkeypatch.setattr("support_service.adapters.embedded.blobs.store._opened", slowly)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(blobs.read("cases/a"))
        await eventually(lambda: asyncio.sleep(0, opened and opened[0].closed))

    def test_a_secret_that_is_too_short_is_none(self, folder: Path, clock: HandClock) -> None:
        with pytest.raises(ValueError, match="32"):
            EmbeddedBlobs(folder, secret="s" * 31, clock=clock)
