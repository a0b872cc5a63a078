"""Bodies that are too large, broken off, of another kind, or no JSON."""

import gzip
import json
from collections.abc import AsyncIterator

from support.api import CASES, new_case
from support.bad_input.row import BY_SERVER, CASE, MESSAGES, TAKEN, Body, Row, bodied, with_metadata
from support_service.kit.web import LARGEST_BODY

GOOD = json.dumps(new_case()).encode()
_UNREADABLE = "body-unreadable"


def is_(body: bytes) -> Body:
    return lambda: body


def chunked() -> AsyncIterator[bytes]:
    """More than a megabyte, of which no header says how much it is."""

    async def chunks() -> AsyncIterator[bytes]:
        yield GOOD[:-1]
        for _ in range(LARGEST_BODY // 50_000 + 1):
            yield b" " * 50_000
        yield GOOD[-1:]

    return chunks()


def posted(*headers: bytes, body: bytes = GOOD) -> bytes:
    """A POST of a new case, byte by byte."""
    lines = (b"Host: localhost", b"Authorization: Bearer {token}", b"Content-Type: application/json", *headers)
    return b"\r\n".join((f"POST {CASES} HTTP/1.1".encode(), *lines, b"", body))


def sent_raw(name: str, status: int, kind: str, raw: bytes, before: str = "") -> Row:
    return Row(name, "POST", CASES, status, kind, raw=raw, before=before)


ROWS = (
    bodied("a body of more than 1 MB, its length told", 413, "body-too-large", lambda: GOOD.ljust(LARGEST_BODY + 1)),
    Row(
        "a body of more than 1 MB, its length told by nobody we know",
        "POST",
        CASES,
        413,
        "body-too-large",
        lambda: b" " * (LARGEST_BODY + 1),
        caller="nobody",
    ),
    bodied("a body of more than 1 MB in chunks", 413, "body-too-large", chunked),
    Row("a message of more than 1 MB", "POST", MESSAGES, 413, "body-too-large", lambda: b" " * (LARGEST_BODY + 1)),
    Row("a change of more than 1 MB", "PATCH", CASE, 413, "body-too-large", lambda: b" " * (LARGEST_BODY + 1)),
    sent_raw(
        "a body shorter than its Content-Length, then the end",
        400,
        "body-cut-off",
        posted(b"Content-Length: 5000"),
        "the end",
    ),
    sent_raw(
        "a body longer than its Content-Length", 400, _UNREADABLE, posted(b"Content-Length: %d" % (len(GOOD) - 1))
    ),
    sent_raw("a Content-Length that is no number", 400, BY_SERVER, posted(b"Content-Length: all")),
    sent_raw("a negative Content-Length", 400, BY_SERVER, posted(b"Content-Length: -1")),
    sent_raw("two lengths that differ", 400, BY_SERVER, posted(b"Content-Length: 5", b"Content-Length: 6")),
    bodied(
        "a compressed body", 415, "content-coding-not-accepted", lambda: gzip.compress(GOOD), content_encoding="gzip"
    ),
    bodied(
        "a plain body that says it is compressed", 415, "content-coding-not-accepted", is_(GOOD), content_encoding="br"
    ),
    bodied("a compressed body that does not say so", 400, _UNREADABLE, lambda: gzip.compress(GOOD)),
    bodied("a body as text/plain", 415, "media-type-not-accepted", is_(GOOD), content_type="text/plain"),
    bodied(
        "a body as a form", 415, "media-type-not-accepted", is_(GOOD), content_type="application/x-www-form-urlencoded"
    ),
    bodied("a body without a type", 415, "media-type-not-accepted", is_(GOOD), content_type=""),
    bodied("a type that is none", 415, "media-type-not-accepted", is_(GOOD), content_type="json"),
    bodied(
        "a body said to be in UTF-16",
        415,
        "media-type-not-accepted",
        is_(GOOD),
        content_type="application/json; charset=utf-16",
    ),
    bodied("no body", 422, "invalid-input", is_(b""), ""),
    bodied("JSON that is broken off", 400, _UNREADABLE, is_(GOOD[:-10])),
    bodied("JSON with more behind it", 400, _UNREADABLE, is_(GOOD + b"{}")),
    bodied("a trailing comma", 400, _UNREADABLE, is_(GOOD[:-1] + b",}")),
    bodied("single quotes", 400, _UNREADABLE, is_(GOOD.replace(b'"', b"'"))),
    bodied("an array for the whole body", 422, "invalid-input", is_(b"[" + GOOD + b"]"), ""),
    bodied("a string for the whole body", 422, "invalid-input", is_(json.dumps(GOOD.decode()).encode()), ""),
    bodied("null for the whole body", 422, "invalid-input", is_(b"null"), ""),
    bodied("broken UTF-8", 400, _UNREADABLE, is_(GOOD.replace(b"late", b"l\xff\xfee"))),
    bodied("UTF-8 that is overlong", 400, _UNREADABLE, is_(GOOD.replace(b"late", b"l\xc0\xafe"))),
    bodied("a surrogate as UTF-8", 400, _UNREADABLE, is_(GOOD.replace(b"late", b"l\xed\xa0\x80e"))),
    bodied("UTF-16", 400, _UNREADABLE, is_(GOOD.decode().encode("utf-16"))),
    bodied("UTF-32", 400, _UNREADABLE, is_(GOOD.decode().encode("utf-32"))),
    bodied("a byte order mark before UTF-8", 201, TAKEN, is_(b"\xef\xbb\xbf" + GOOD)),
    bodied("a raw NUL byte in a string", 400, _UNREADABLE, is_(GOOD.replace(b"late", b"l\x00e"))),
    bodied("the same key twice", 400, _UNREADABLE, is_(GOOD[:-1] + b', "customer_id": "c-2"}')),
    bodied(
        "the same key twice, once as an escape", 400, _UNREADABLE, is_(GOOD[:-1] + b', "customer\\u005fid": "c-2"}')
    ),
    bodied("the same key twice deep inside", 400, _UNREADABLE, with_metadata(b'{"b": 1, "b": 2}')),
    bodied("NaN", 400, _UNREADABLE, with_metadata(b"NaN")),
    bodied("Infinity", 400, _UNREADABLE, with_metadata(b"Infinity")),
    bodied("-Infinity", 400, _UNREADABLE, with_metadata(b"-Infinity")),
    bodied("a number too large for a double", 400, _UNREADABLE, with_metadata(b"1e999")),
    bodied("an integer of 20 digits", 201, TAKEN, with_metadata(b"9" * 20)),
    bodied("an integer of 21 digits", 400, _UNREADABLE, with_metadata(b"9" * 21)),
    bodied("an integer of 5,000 digits", 400, _UNREADABLE, with_metadata(b"9" * 5_000)),
    bodied("metadata nested 7 deep", 422, "invalid-input", with_metadata(b"[" * 6 + b"]" * 6), "/metadata"),
    bodied("metadata nested 100 deep", 400, _UNREADABLE, with_metadata(b"[" * 100 + b"]" * 100)),
    bodied("metadata nested 10,000 deep", 400, _UNREADABLE, with_metadata(b"[" * 10_000 + b"]" * 10_000)),
    bodied("objects nested 10,000 deep", 400, _UNREADABLE, with_metadata(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)),
)
