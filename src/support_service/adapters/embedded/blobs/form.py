"""A multipart/form-data as it comes in (RFC 7578): a few short fields, then one file, which is never held whole."""

from collections.abc import Iterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from support_service.adapters.embedded.blobs.errors import UploadUnreadable

_FILE = "file"
_MOST_FIELDS = 20
_LONGEST_FIELD = 2_000
_LONGEST_BOUNDARY = 70


class FormReader:
    """Takes a form apart piece by piece; `fields` is whole once the first piece of the file is given."""

    def __init__(self, content_type: str) -> None:
        """Read a form with the boundary that its content type names.

        Raises:
            UploadUnreadable: it is no form, or names no boundary.
        """
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
            raise UploadUnreadable
        self.fields: dict[str, str] = {}
        self.whole = False
        self._header = {"name": b"", "value": b""}
        self._name: str | None = None
        self._value = bytearray()
        self._pieces: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._add_to("name", data[start:end]),
                "on_header_value": lambda data, start, end: self._add_to("value", data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._must_be_named,
                "on_part_data": self._take,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    @property
    def has_file(self) -> bool:
        """Whether the file has begun."""
        return self._name == _FILE

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The pieces of the file in this piece of the form.

        Raises:
            UploadUnreadable: it is no form of this kind.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise UploadUnreadable from error
        pieces, self._pieces = self._pieces, []
        return iter(pieces)

    def _begin(self) -> None:
        if self.has_file or len(self.fields) >= _MOST_FIELDS:
            raise UploadUnreadable
        self._name, self._value = None, bytearray()

    def _add_to(self, part: str, piece: bytes) -> None:
        self._header[part] += piece  # the parser bounds it

    def _end_header(self) -> None:
        header, self._header = self._header, {"name": b"", "value": b""}
        if header["name"].lower() != b"content-disposition":
            return
        kind, options = parse_options_header(header["value"])
        if kind == b"form-data" and b"name" in options:
            self._name = options[b"name"].decode("utf-8", "replace").lower()

    def _must_be_named(self) -> None:
        if self._name is None or self._name in self.fields:
            raise UploadUnreadable

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self.has_file:
            self._pieces.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _LONGEST_FIELD:
            raise UploadUnreadable

    def _end(self) -> None:
        if self._name is None or self.has_file:
            return
        try:
            self.fields[self._name] = self._value.decode()
        except UnicodeDecodeError as error:
            raise UploadUnreadable from error

    def _finish(self) -> None:
        self.whole = True
