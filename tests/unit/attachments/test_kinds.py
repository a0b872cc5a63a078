"""What a file begins with says what it is, and nothing that a browser could run is among the kinds."""

import pytest

from support.blobs import PDF, PNG
from support_service.attachments import DEFAULT_TYPES, KINDS

OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


def zipped(name: bytes, content: bytes = b"") -> bytes:
    """How a ZIP archive begins whose first file is this, stored as it is."""
    return b"PK\x03\x04" + bytes(22) + len(name).to_bytes(2, "little") + bytes(2) + name + content


SAMPLES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "image/heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
    "image/heif": b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00",
    "application/pdf": PDF,
    "text/plain": "Xin chào,\r\nđơn hàng đâu?\n".encode(),
    "text/csv": "mã,tên\n1,Linh\n".encode("cp1258", "replace"),
    f"{OFFICE}wordprocessingml.document": zipped(b"word/document.xml"),
    f"{OFFICE}spreadsheetml.sheet": zipped(b"[Content_Types].xml"),
    f"{OFFICE}presentationml.presentation": zipped(b"_rels/.rels"),
    f"{OPEN_DOCUMENT}text": zipped(b"mimetype", f"{OPEN_DOCUMENT}text".encode()),
    f"{OPEN_DOCUMENT}spreadsheet": zipped(b"mimetype", f"{OPEN_DOCUMENT}spreadsheet".encode()),
    f"{OPEN_DOCUMENT}presentation": zipped(b"mimetype", f"{OPEN_DOCUMENT}presentation".encode()),
    "application/zip": zipped(b"any.exe"),
}
HTML, SVG = b"<!doctype html><script>alert(1)</script>", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>'
OTHERS = {"html": HTML, "svg": SVG, "exe": b"MZ\x90\x00\x03", "elf": b"\x7fELF\x02", "nothing": b"", "nul": bytes(9)}


def test_there_is_a_sample_of_every_kind() -> None:
    assert SAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("content_type", KINDS)
def test_a_file_of_a_kind_is_known_as_one(content_type: str) -> None:
    assert KINDS[content_type].begins(SAMPLES[content_type])


@pytest.mark.parametrize("content_type", [name for name in KINDS if not name.startswith("text/")])
@pytest.mark.parametrize("other", OTHERS)
def test_what_is_something_else_is_not_taken_for_it(content_type: str, other: str) -> None:
    assert not KINDS[content_type].begins(OTHERS[other])


def test_no_two_kinds_are_taken_for_each_other_but_those_that_share_a_container() -> None:
    containers = ({"image/heic", "image/heif"}, {"text/plain", "text/csv"})
    for content_type, kind in KINDS.items():
        for other, sample in SAMPLES.items():
            together = any({content_type, other} <= each for each in containers) or content_type == other
            packed = "office" in other or "opendocument" in other or other == "application/zip"
            if together or (packed and (content_type == "application/zip" or OFFICE in content_type)):
                continue
            if content_type.startswith("text/") and sample.startswith((b"%PDF", b"GIF")):
                continue
            assert not kind.begins(sample) or content_type.startswith("text/"), (content_type, other)


@pytest.mark.parametrize("sample", [PNG, SAMPLES["image/webp"], zipped(b"x"), b"MZ\x90\x00", b"a\x00b", b"\x7fELF\x02"])
def test_what_holds_control_characters_is_no_text(sample: bytes) -> None:
    assert not KINDS["text/plain"].begins(sample)


def test_text_that_says_it_is_utf_16_is_text() -> None:
    assert KINDS["text/plain"].begins("Chào".encode("utf-16"))


def test_nothing_that_a_browser_could_run_is_known_and_archives_are_taken_only_if_wanted() -> None:
    assert not [name for name in KINDS if any(part in name for part in ("html", "svg", "script", "octet-stream"))]
    assert not [name for name in KINDS if name.endswith(("/xml", "+xml"))]
    assert set(KINDS) - set(DEFAULT_TYPES) == {"application/zip"}
    assert not {"html", "htm", "svg", "js", "exe"} & {ending for kind in KINDS.values() for ending in kind.endings}
