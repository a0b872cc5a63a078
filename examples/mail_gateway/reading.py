"""What a mail says: headers and text, whatever its charsets are and however broken it is."""

import re
import unicodedata
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from html.parser import HTMLParser

_LONGEST_TEXT = 20_000
_LONGEST_HTML = 1_000_000
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "blockquote", "hr"})
_UNSEEN = frozenset({"script", "style", "head", "title", "template"})


def parse(raw: bytes) -> Message:
    """A mail; whatever the bytes are, there is one."""
    try:
        return message_from_bytes(raw)
    except RecursionError:  # parts in parts in parts: nobody writes so, and what it says is read as it stands
        return BytesHeaderParser().parsebytes(raw)


def header(mail: Message, name: str) -> str:
    """A header as it stands there, on one line; empty when there is none."""
    raw = next((str(value) for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    return one_line(raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), 10_000)


def words_of(text: str) -> str:
    """A header's text with its encoded words (RFC 2047) decoded. Addresses are taken out before: words may look like some."""
    try:
        parts = decode_header(text)
    except HeaderParseError:
        return text
    return one_line("".join(part if isinstance(part, str) else _decoded(part, charset) for part, charset in parts))


def sender_of(mail: Message) -> tuple[str, str]:
    """The name and the address, in small letters, that a mail says it is from; both may be empty."""
    name, address = parseaddr(header(mail, "From"))
    return words_of(name), address.lower()


def one_line(text: str, longest: int = 200) -> str:
    """A text without line ends and other control characters, so that it can stand in a header."""
    clean = "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp", "Cs"} else each for each in text)
    return " ".join(clean.split())[:longest].rstrip()


def text_of(mail: Message) -> str:
    """What the customer wrote, at most 20,000 characters: the plain part, else the HTML one without its markup.

    What it quotes is kept: people answer in between. Attachments are named, and not kept.
    """
    plain = html = ""
    names: list[str] = []
    for part in _leaves(mail):
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            names.append(words_of(part.get_filename() or part.get_content_type()))
        elif part.get_content_subtype() == "html":
            html = html or _without_markup(_body(part)[:_LONGEST_HTML])
        else:
            plain = plain or _body(part).strip()
    text = (plain or html or "(no text)").strip()
    left_out = "".join(f"\n[Not kept: {name}]" for name in names[:20])
    cut = "\n[Cut]" if len(text) + len(left_out) > _LONGEST_TEXT else ""
    return text[: _LONGEST_TEXT - len(left_out) - len(cut)] + cut + left_out


def _leaves(mail: Message) -> Iterator[Message]:
    """The parts of a mail, not those of mails in it."""
    if mail.get_content_type() == "message/rfc822" or not mail.is_multipart():
        yield mail
        return
    for part in mail.get_payload():
        if isinstance(part, Message):
            yield from _leaves(part)


def _body(part: Message) -> str:
    payload = part.get_payload(decode=True)
    text = _decoded(payload if isinstance(payload, bytes) else b"", part.get_content_charset())
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _decoded(data: bytes, charset: str | None) -> str:
    """Bytes as text: by the charset they say, else UTF-8, else as Western Windows has them; composed (windows-1258 is not)."""
    for name in (charset, "utf-8"):
        try:
            return unicodedata.normalize("NFC", data.decode(name or "utf-8"))
        except (LookupError, UnicodeError):
            continue
    return data.decode("cp1252", "replace")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - theirs
        self._hidden += tag in _UNSEEN
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _UNSEEN and self._hidden > 0
        if tag in _BLOCKS - {"br"}:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _without_markup(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    lines = (line.strip() for line in "".join(words.pieces).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
