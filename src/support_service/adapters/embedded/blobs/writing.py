"""A file while it comes in: on the disk from the first megabyte on, under its key only when it is whole."""

import asyncio
import os
from pathlib import Path

from support_service.adapters.embedded.blobs.errors import UploadTooLarge, UploadTooSmall
from support_service.ports.blobs import BlobsUnavailable

_BUFFER = 1_000_000


class Writing:
    """One file that is being written. Whoever began it ends it, by `keep` or `drop`."""

    def __init__(self, descriptor: int, draft: Path, target: Path, *, least: int, most: int) -> None:
        """Write to a draft, which becomes the target if it has from `least` to `most` bytes."""
        self._descriptor = descriptor
        self._draft = draft
        self._target = target
        self._least = least
        self._most = most
        self._size = 0
        self._buffer = bytearray()

    async def add(self, piece: bytes) -> None:
        """Write the next piece.

        Raises:
            UploadTooLarge: there is more than may be.
            BlobsUnavailable: the disk is full, or broken.
        """
        self._size += len(piece)
        if self._size > self._most:
            raise UploadTooLarge
        self._buffer += piece
        if len(self._buffer) >= _BUFFER:
            await self._write()

    async def keep(self) -> None:
        """Give the file its name, for good: it is on the disk when this returns.

        Raises:
            UploadTooSmall: there is less than must be.
            BlobsUnavailable: the disk is full, or broken.
        """
        if self._size < self._least:
            raise UploadTooSmall
        await self._write()
        try:
            await asyncio.to_thread(self._name)
        except OSError as error:
            raise BlobsUnavailable from error

    def drop(self) -> None:
        """Close the file; what was not kept is gone. It waits for nothing, so that nobody is gone before it is done."""
        os.close(self._descriptor)
        self._draft.unlink(missing_ok=True)

    async def _write(self) -> None:
        piece, self._buffer = bytes(self._buffer), bytearray()
        try:
            await asyncio.to_thread(_write_all, self._descriptor, piece)
        except OSError as error:
            raise BlobsUnavailable from error

    def _name(self) -> None:
        os.fsync(self._descriptor)
        self._draft.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_all(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]
