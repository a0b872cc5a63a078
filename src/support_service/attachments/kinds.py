"""The content types that are known, how names of such files end, and what such files begin with.

What is declared is only believed when the bytes say the same; the signatures are those of the formats' own descriptions. A
type that a browser could run (HTML, SVG, XML) is not among them, and no file is ever shown as a page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

FIRST_BYTES = 8_192
"""Bytes from the beginning of a file that tell its kind."""

_ZIP = b"PK\x03\x04"
_ZIP_NAME_LENGTH = slice(26, 28)
_ZIP_NAME_BEGINS = 30
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_IN_TEXT = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


@dataclass(frozen=True, slots=True)
class Kind:
    """A content type: the endings of names, in lower case, and whether a file is one, by its first bytes."""

    endings: tuple[str, ...]
    begins: Callable[[bytes], bool]


def _with(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda first: first.startswith(signatures)


def _is_webp(first: bytes) -> bool:
    return first[:4] == b"RIFF" and first[8:12] == b"WEBP"


def _is_heif(first: bytes) -> bool:
    return first[4:8] == b"ftyp" and first[8:12] in _HEIF_BRANDS


def _is_text(first: bytes) -> bool:
    """Text in any encoding that keeps ASCII's control characters where they are, or UTF-16 that says so."""
    return first.startswith(_UTF_16) or _NOT_IN_TEXT.isdisjoint(first)


def _first_name(first: bytes) -> bytes:
    """The name of the first file in a ZIP archive; empty when it is none (APPNOTE 4.3.7)."""
    if not first.startswith(_ZIP):
        return b""
    length = int.from_bytes(first[_ZIP_NAME_LENGTH], "little")
    return first[_ZIP_NAME_BEGINS : _ZIP_NAME_BEGINS + length]


def _office(part: bytes) -> Callable[[bytes], bool]:
    """An Office Open XML package (ECMA-376, part 2), whose own files lie in `part`."""
    begins = (b"[Content_Types].xml", b"_rels/", b"docProps/", part)
    return lambda first: _first_name(first).startswith(begins)


def _open_document(kind: str) -> Callable[[bytes], bool]:
    """A package whose first file, stored as it is, says what it is (OpenDocument 1.3, part 2, 3.3)."""
    told = b"mimetype" + f"{_OPEN_DOCUMENT}{kind}".encode()
    return lambda first: first.startswith(_ZIP) and first[_ZIP_NAME_BEGINS:].startswith(told)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "image/png": Kind(("png",), _with(b"\x89PNG\r\n\x1a\n")),
        "image/jpeg": Kind(("jpg", "jpeg", "jpe", "jfif"), _with(b"\xff\xd8\xff")),
        "image/gif": Kind(("gif",), _with(b"GIF87a", b"GIF89a")),
        "image/webp": Kind(("webp",), _is_webp),
        "image/heic": Kind(("heic", "heif"), _is_heif),
        "image/heif": Kind(("heic", "heif"), _is_heif),
        "application/pdf": Kind(("pdf",), _with(b"%PDF-")),
        "text/plain": Kind(("txt", "text", "log"), _is_text),
        "text/csv": Kind(("csv",), _is_text),
        f"{_OFFICE}wordprocessingml.document": Kind(("docx",), _office(b"word/")),
        f"{_OFFICE}spreadsheetml.sheet": Kind(("xlsx",), _office(b"xl/")),
        f"{_OFFICE}presentationml.presentation": Kind(("pptx",), _office(b"ppt/")),
        f"{_OPEN_DOCUMENT}text": Kind(("odt",), _open_document("text")),
        f"{_OPEN_DOCUMENT}spreadsheet": Kind(("ods",), _open_document("spreadsheet")),
        f"{_OPEN_DOCUMENT}presentation": Kind(("odp",), _open_document("presentation")),
        "application/zip": Kind(("zip",), _with(_ZIP)),
    }
)
"""By content type, in lower case and without parameters."""

DEFAULT_TYPES = tuple(name for name in KINDS if name != "application/zip")
"""What is accepted unless the settings say otherwise: an archive can hold anything, so it is not among them."""
