"""What every store of files does, wherever it keeps them, seen as whoever holds its addresses sees it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, timedelta
from secrets import token_hex
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest

from support.blobs import post_form
from support_service.ports.blobs import DOWNLOAD_LASTS, UPLOAD_LASTS, BlobNotFound, BlobStore, Upload

CONTENT = "Hóa đơn của tôi".encode() * 1_000
DISPOSITION = "attachment; filename=\"H_a__n.pdf\"; filename*=UTF-8''H%C3%B3a%20%C4%91%C6%A1n.pdf"


def key() -> str:
    return f"staging/{token_hex(32)}"


def upload(size: int = len(CONTENT), *, of: str | None = None) -> Upload:
    return Upload(key() if of is None else of, "application/pdf", size, size)


async def whole(blobs: BlobStore, of: str) -> bytes:
    return b"".join([piece async for piece in blobs.read(of)])


class BlobBehaviour:
    """A subclass provides `blobs`, `base_url`, and `later(seconds)`, after which an address is that much older."""

    @pytest.fixture
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession() as session:
            yield session

    async def later(self, seconds: float) -> None:
        raise NotImplementedError

    async def put(
        self,
        blobs: BlobStore,
        base_url: str,
        session: aiohttp.ClientSession,
        what: Upload,
        content: bytes = CONTENT,
        altered: Mapping[str, str | None] | None = None,
    ) -> int:
        """Upload by a signed form, some of its fields altered or left out (None); gives the status."""
        signed = await blobs.sign_upload(what)
        names = {name.lower(): name for name in signed.fields}
        fields: dict[str, str | None] = {**signed.fields, **{names.get(n, n): v for n, v in (altered or {}).items()}}
        kept = {name: value for name, value in fields.items() if value is not None}
        return await post_form(session, urljoin(base_url, signed.url), kept, content)

    async def test_what_was_put_by_a_signed_form_is_kept_whole(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        assert await blobs.size(what.key) is None
        assert await self.put(blobs, base_url, session, what) in {200, 201, 204}
        assert await blobs.size(what.key) == len(CONTENT)
        assert await whole(blobs, what.key) == CONTENT

    async def test_the_first_piece_tells_the_kind_of_a_file_and_no_piece_is_large(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        content = bytes(range(256)) * 12_000
        what = upload(len(content))
        assert await self.put(blobs, base_url, session, what, content) in {200, 201, 204}
        pieces = [piece async for piece in blobs.read(what.key)]
        assert len(pieces[0]) >= 8_192
        assert max(map(len, pieces)) <= 2**20
        assert b"".join(pieces) == content

    @pytest.mark.parametrize("by", [-1, 1, 100_000])
    async def test_a_file_of_another_size_than_signed_is_not_kept(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession, by: int
    ) -> None:
        what = upload()
        content = CONTENT[:by] if by < 0 else CONTENT + b"x" * by
        assert 400 <= await self.put(blobs, base_url, session, what, content) < 500
        assert await blobs.size(what.key) is None

    async def test_a_size_within_a_signed_range_is_kept(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = Upload(key(), "application/pdf", len(CONTENT) - 1, len(CONTENT) + 1)
        assert await self.put(blobs, base_url, session, what) in {200, 201, 204}

    @pytest.mark.parametrize(
        "altered",
        [
            {"key": "staging/0000"},
            {"key": "attachments/0000"},
            {"key": "../../etc/passwd"},
            {"key": None},
            {"content-type": "text/html"},
            {"content-type": "application/pdf;text/html"},
            {"content-type": None},
        ],
        ids=str,
    )
    async def test_a_form_of_which_anything_was_altered_puts_nothing(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession, altered: Mapping[str, str | None]
    ) -> None:
        what = upload()
        assert 400 <= await self.put(blobs, base_url, session, what, altered=altered) < 500
        assert await blobs.size(what.key) is None
        assert await blobs.size("staging/0000") is None

    async def test_a_form_is_good_for_five_minutes_at_most(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        signed = await blobs.sign_upload(what)
        assert timedelta(minutes=5) == UPLOAD_LASTS
        assert signed.expires_at.tzinfo is UTC
        await self.later(UPLOAD_LASTS.total_seconds() + 1)
        status = await post_form(session, urljoin(base_url, signed.url), signed.fields, CONTENT)
        assert 400 <= status < 500
        assert await blobs.size(what.key) is None

    async def test_a_form_gives_nobody_a_file(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        assert await self.put(blobs, base_url, session, what) in {200, 201, 204}
        signed = await blobs.sign_upload(what)
        url = f"{urljoin(base_url, signed.url).rstrip('/')}/{what.key}"
        for method in ("GET", "PUT", "DELETE", "POST"):
            async with session.request(method, url, params=dict(signed.fields), data=CONTENT) as answer:
                assert 400 <= answer.status < 500, method
                assert CONTENT not in await answer.read()
        assert await whole(blobs, what.key) == CONTENT

    async def test_a_signed_address_gives_the_file_to_be_saved_under_its_name(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        await self.put(blobs, base_url, session, what)
        signed = await blobs.sign_download(what.key, content_type="application/pdf", disposition=DISPOSITION)
        async with session.get(urljoin(base_url, signed.url)) as answer:
            assert answer.status == 200
            assert await answer.read() == CONTENT
            assert answer.headers["content-type"] == "application/pdf"
            assert answer.headers["content-disposition"] == DISPOSITION

    async def test_a_signed_address_is_good_for_a_minute_at_most(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        await self.put(blobs, base_url, session, what)
        signed = await blobs.sign_download(what.key, content_type="application/pdf", disposition=DISPOSITION)
        assert timedelta(seconds=60) == DOWNLOAD_LASTS
        await self.later(DOWNLOAD_LASTS.total_seconds() + 1)
        async with session.get(urljoin(base_url, signed.url)) as answer:
            assert answer.status == 403

    async def test_a_signed_address_of_which_anything_was_altered_gives_nothing(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what, other = upload(), upload()
        await self.put(blobs, base_url, session, what)
        await self.put(blobs, base_url, session, other)
        signed = await blobs.sign_download(what.key, content_type="application/pdf", disposition=DISPOSITION)
        url = urljoin(base_url, signed.url)
        query = urlsplit(url).query
        altered = [
            url.replace(what.key, other.key),
            url.replace("attachment", "inline"),
            url.replace("application%2Fpdf", "text%2Fhtml"),
            url.partition("?")[0],
            *(url.replace(part, "") for part in query.split("&")),
        ]
        for each in altered:
            assert each != url
            async with session.get(each) as answer:
                assert 400 <= answer.status < 500, each
                assert CONTENT not in await answer.read()

    async def test_a_signed_address_puts_nothing(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what = upload()
        await self.put(blobs, base_url, session, what)
        signed = await blobs.sign_download(what.key, content_type="application/pdf", disposition=DISPOSITION)
        for method in ("PUT", "POST", "DELETE"):
            async with session.request(method, urljoin(base_url, signed.url), data=b"other") as answer:
                assert 400 <= answer.status < 500, method
        assert await whole(blobs, what.key) == CONTENT

    async def test_a_copy_stays_as_it_is_whatever_is_put_or_deleted_where_it_came_from(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        what, clean = upload(), f"attachments/{token_hex(32)}"
        await self.put(blobs, base_url, session, what)
        await blobs.copy(what.key, clean)
        await self.put(blobs, base_url, session, what, CONTENT[::-1])
        assert await whole(blobs, what.key) == CONTENT[::-1]
        assert await whole(blobs, clean) == CONTENT
        await blobs.delete(what.key)
        assert await blobs.size(what.key) is None
        assert await whole(blobs, clean) == CONTENT

    async def test_what_is_not_there_cannot_be_read_or_copied_and_may_be_deleted(self, blobs: BlobStore) -> None:
        with pytest.raises(BlobNotFound):
            await whole(blobs, key())
        with pytest.raises(BlobNotFound):
            await blobs.copy(key(), key())
        await blobs.delete(key())

    async def test_the_name_of_a_file_is_its_own_the_same_for_ever_and_signed_by_nobody(self, blobs: BlobStore) -> None:
        one = key()
        assert blobs.uri(one) == blobs.uri(one)
        assert blobs.uri(one) != blobs.uri(key())
        assert "?" not in blobs.uri(one)

    async def test_files_put_side_by_side_do_not_mix(
        self, blobs: BlobStore, base_url: str, session: aiohttp.ClientSession
    ) -> None:
        contents = [bytes([n]) * 300_000 for n in range(8)]
        wanted = [upload(len(content)) for content in contents]
        statuses = await asyncio.gather(
            *(self.put(blobs, base_url, session, *each) for each in zip(wanted, contents, strict=True))
        )
        assert set(statuses) <= {200, 201, 204}
        assert [await whole(blobs, each.key) for each in wanted] == contents
