"""The files of cases: put and fetched by whoever holds a signed address, checked and moved by us.

The shape is that of S3: an upload is a form that is posted with signed fields (a pre-signed PUT would let its holder send
headers that nobody signed), a download a signed GET. A key is made of lower-case letters and digits, `-` and `/`.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

UPLOAD_LASTS = timedelta(minutes=5)
"""How long an address to upload to is good for, at most."""

DOWNLOAD_LASTS = timedelta(seconds=60)
"""How long an address to download from is good for, at most."""


class BlobNotFound(Exception):  # noqa: N818 - what became of the question
    """Nothing is kept under this key."""


class BlobsUnavailable(Exception):  # noqa: N818 - the same
    """What keeps the files does not answer right now."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What may be put: under exactly this key, as exactly this content type, from `least` to `most` bytes."""

    key: str
    content_type: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """A form to post as multipart/form-data: these fields, then the file as the field `file`, in this order.

    `url` is absolute, or a path of the API's own address. It is good for this one upload and for nothing else.
    """

    url: str
    fields: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedDownload:
    """An address that gives one file, once or more often, until it expires; absolute, or a path of the API's own address."""

    url: str
    expires_at: datetime


class BlobStore(Protocol):
    """What `attachments` needs of a store of files.

    Every method but the signing ones raises `BlobsUnavailable` when the store does not answer within its deadline.
    """

    async def sign_upload(self, upload: Upload) -> SignedUpload:
        """A form by which this can be put, for `UPLOAD_LASTS` at most. It may be put again until then."""

    async def sign_download(self, key: str, *, content_type: str, disposition: str) -> SignedDownload:
        """An address to fetch a file from, for `DOWNLOAD_LASTS` at most.

        Args:
            key: of the file.
            content_type: the `Content-Type` that the answer has.
            disposition: the `Content-Disposition` that the answer has.
        """

    async def size(self, key: str) -> int | None:
        """How many bytes are kept under a key; None when there is nothing."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """A file in pieces of at most 1 MiB; the first holds at least 8 KiB, or all there is.

        Raises:
            BlobNotFound: there is nothing under this key.
        """

    async def copy(self, source: str, target: str) -> None:
        """Keep a file under a second key, where what is put under the first one later does not reach it.

        Raises:
            BlobNotFound: there is nothing under the first key.
        """

    async def delete(self, key: str) -> None:
        """Keep nothing under a key; there may be nothing."""

    def uri(self, key: str) -> str:
        """The file's name for ever. It is no address that anybody could fetch it from."""

    async def close(self) -> None:
        """Let go of every connection."""
