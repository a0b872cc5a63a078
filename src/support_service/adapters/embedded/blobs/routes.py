"""The signed addresses of the embedded store: who holds one needs no token."""

import asyncio

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from support_service.adapters.embedded.blobs.errors import (
    FileNotFound,
    UploadTooSlow,
    UploadTooSmall,
    UploadUnreadable,
)
from support_service.adapters.embedded.blobs.form import FormReader
from support_service.adapters.embedded.blobs.store import BLOBS_PATH, EmbeddedBlobs
from support_service.adapters.embedded.blobs.writing import Writing
from support_service.kit.problems import Unavailable
from support_service.ports.blobs import UPLOAD_LASTS, BlobsUnavailable

LARGEST_FORM = 65_536
"""Bytes that the form around a file may take."""

_HEADERS = {
    # Whatever the file is, no browser shows it as a page of ours, nor lets another site have it.
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
}


class DiskUnavailable(Unavailable):
    """The files cannot be read or written right now."""


def create_blob_routes(store: EmbeddedBlobs, *, longest_s: float = UPLOAD_LASTS.total_seconds()) -> APIRouter:
    """The routes that the addresses of this store lead to; an upload takes `longest_s` seconds at most."""
    router = APIRouter(prefix=BLOBS_PATH, include_in_schema=False)

    @router.post("", status_code=204, response_class=Response)
    async def upload(request: Request) -> Response:
        """Put a file as a signed form allows."""
        try:
            async with asyncio.timeout(longest_s):
                await _take_in(store, request)
        except TimeoutError as error:
            raise UploadTooSlow from error
        except ClientDisconnect as error:
            raise UploadUnreadable from error
        except BlobsUnavailable as error:
            raise DiskUnavailable from error
        return Response(status_code=204)

    @router.get("/{key:path}")
    async def download(request: Request, key: str) -> Response:
        """Fetch a file as a signed address allows."""
        asked = dict(request.query_params)
        store.may_download(key, asked)
        try:
            size = await store.size(key)
        except BlobsUnavailable as error:
            raise DiskUnavailable from error
        if size is None:
            raise FileNotFound
        headers = _HEADERS | {
            "content-type": asked["type"],
            "content-disposition": asked["disposition"],
            "content-length": str(size),
        }
        return StreamingResponse(store.read(key), headers=headers)

    return router


async def _take_in(store: EmbeddedBlobs, request: Request) -> None:
    form = FormReader(request.headers.get("content-type", ""))
    writing: Writing | None = None
    try:
        async for chunk in request.stream():
            for piece in form.feed(chunk):
                writing = writing or await store.begin(store.may_upload(form.fields))
                await writing.add(piece)
        if not form.whole or not form.has_file:
            raise UploadUnreadable
        if writing is None:
            store.may_upload(form.fields)
            raise UploadTooSmall
        await writing.keep()
    finally:
        if writing is not None:
            writing.drop()
