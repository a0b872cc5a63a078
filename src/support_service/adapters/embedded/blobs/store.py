"""The files themselves, and what may be done with them by a signed address."""

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlencode

from support_service.adapters.embedded.blobs.errors import AddressRefused
from support_service.adapters.embedded.blobs.signing import Signer
from support_service.adapters.embedded.blobs.writing import Writing
from support_service.kit.clock import Clock
from support_service.ports.blobs import (
    DOWNLOAD_LASTS,
    UPLOAD_LASTS,
    BlobNotFound,
    BlobsUnavailable,
    SignedDownload,
    SignedUpload,
    Upload,
)

BLOBS_PATH = "/support/blobs"
_KEY = re.compile(r"[a-z0-9]+(?:[/-][a-z0-9]+)*")
_LONGEST_KEY = 200
_NUMBER = re.compile(r"[0-9]{1,15}")
_PIECE = 262_144
_INCOMING = ".incoming"
_LEFT_BEHIND_S = 3_600
_T = TypeVar("_T")


class EmbeddedBlobs:
    """Fulfils `ports.blobs.BlobStore`. Processes that share the folder and the secret share the files."""

    def __init__(self, folder: Path, *, secret: str, clock: Clock) -> None:
        """Keep files in a folder, which is made when it is first needed.

        Raises:
            ValueError: the secret is too short to be one.
        """
        self._folder = folder
        self._signer = Signer(secret)
        self._clock = clock

    async def sign_upload(self, upload: Upload) -> SignedUpload:
        """A form that `receive_upload` takes."""
        self._path(upload.key)
        expires = (self._clock.now() + UPLOAD_LASTS).replace(microsecond=0)
        fields = {
            "key": upload.key,
            "content-type": upload.content_type,
            "least": str(upload.least),
            "most": str(upload.most),
            "expires": str(int(expires.timestamp())),
        }
        signature = self._signer.sign("POST", _upload_parts(fields), expires)
        return SignedUpload(BLOBS_PATH, fields | {"signature": signature}, expires)

    async def sign_download(self, key: str, *, content_type: str, disposition: str) -> SignedDownload:
        """An address that `may_download` knows."""
        self._path(key)
        expires = (self._clock.now() + DOWNLOAD_LASTS).replace(microsecond=0)
        asked = {"type": content_type, "disposition": disposition, "expires": str(int(expires.timestamp()))}
        asked["signature"] = self._signer.sign("GET", _download_parts(key, asked), expires)
        return SignedDownload(f"{BLOBS_PATH}/{key}?{urlencode(asked)}", expires)

    def may_upload(self, fields: Mapping[str, str]) -> Upload:
        """What a form's fields allow to be put.

        Raises:
            AddressRefused: they are not as they were signed, or their time is over.
        """
        self._must_be_signed("POST", _upload_parts(fields), fields)
        return Upload(fields["key"], fields["content-type"], int(fields["least"]), int(fields["most"]))

    def may_download(self, key: str, asked: Mapping[str, str]) -> None:
        """Return if an address allows to fetch this.

        Raises:
            AddressRefused: it is not as it was signed, or its time is over.
        """
        self._must_be_signed("GET", _download_parts(key, asked), asked)

    async def begin(self, upload: Upload) -> Writing:
        """A file to write, which is kept under its key when it is whole."""
        return await _answered(self._begin, upload)

    async def size(self, key: str) -> int | None:
        """The size of a file."""
        try:
            return (await _answered(self._path(key).stat)).st_size
        except BlobNotFound:
            return None

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """A file in pieces."""
        opening = asyncio.create_task(_answered(_opened, self._path(key)))
        try:
            file = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_what_was_opened)
            raise
        try:
            while piece := await _answered(file.read, _PIECE):
                yield piece
        finally:
            file.close()  # at once: whoever goes away in the middle has no turn to wait for a thread

    async def copy(self, source: str, target: str) -> None:
        """A second name of the same file: nothing is ever written into a file that has a name."""
        await _answered(self._link, self._path(source), self._path(target))

    async def delete(self, key: str) -> None:
        """Take a file's name away."""
        with suppress(BlobNotFound):
            await _answered(self._path(key).unlink)

    def uri(self, key: str) -> str:
        """A name under our own."""
        return f"urn:support-service:blob:{key}"

    async def close(self) -> None:
        """Nothing is held open."""

    def _path(self, key: str) -> Path:
        """Where a file is; nothing that is no plain key leads anywhere."""
        if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
            message = "not a key"
            raise ValueError(message)
        return self._folder / key

    def _must_be_signed(self, method: str, parts: list[str], told: Mapping[str, str]) -> None:
        if not _NUMBER.fullmatch(told.get("expires", "")):
            raise AddressRefused
        expires = datetime.fromtimestamp(int(told["expires"]) % 10**11, UTC)
        signed = self._signer.is_signed(told.get("signature", ""), method, parts, expires)
        if not signed or self._clock.now() >= expires:
            raise AddressRefused

    def _begin(self, upload: Upload) -> Writing:
        incoming = self._folder / _INCOMING
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear(incoming)
        target = self._path(upload.key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = incoming / secrets.token_hex(16)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return Writing(descriptor, draft, target, least=upload.least, most=upload.most)

    def _link(self, source: Path, target: Path) -> None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(source, target)


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _close_what_was_opened(opening: asyncio.Task[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _upload_parts(fields: Mapping[str, str]) -> list[str]:
    return [fields.get(name, "") for name in ("key", "content-type", "least", "most")]


def _download_parts(key: str, asked: Mapping[str, str]) -> list[str]:
    return [key, asked.get("type", ""), asked.get("disposition", "")]


def _clear(incoming: Path) -> None:
    """Delete what processes left behind that died while they wrote."""
    for entry in os.scandir(incoming):
        with suppress(FileNotFoundError):
            if time.time() - entry.stat().st_mtime > _LEFT_BEHIND_S:
                Path(entry).unlink()


async def _answered(work: Callable[..., _T], *args: object) -> _T:
    """What the disk answers, without holding up anybody else."""
    try:
        return await asyncio.to_thread(work, *args)
    except FileNotFoundError as error:
        raise BlobNotFound from error
    except OSError as error:
        raise BlobsUnavailable from error
