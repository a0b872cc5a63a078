"""Words of a text, and the queries that find them: one folding for both, so that what was written is found as it is typed.

Diacritics, case and zero-width characters do not count (`Đơn hàng` is `don hang`). What is joined by a sign is a word as a
whole and in all its parts (`S-1042`, `linh@shop.example`); a telephone number is known by its last nine digits however it is
grouped. The words are made here and not by PostgreSQL's parser, which takes `S-1042` for the number -1042.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MOST_TERMS = 10
_LONGEST_WORD = 64
_MOST_BYTES = 65_536
"""Of the words of one text; a tsvector holds at most 1 MiB."""

_MOST_PARTS = 8
_SHORTEST_PREFIX = 2
_PHONE_DIGITS = 9
"""The digits of a number that stay the same whether it begins with 0 or with +84."""

_PHONE_LENGTHS = range(9, 14)

_PART = re.compile(r"[^\W_]+")
_JOINED = re.compile(r"[^\W_]+(?:[-._:@#/+][^\W_]+)*")
_DIGIT = re.compile(r"\d")
_NUMBERS = re.compile(r"(?<!\w)(?<!\w[-_@#/])\+?\d(?:[ ().-]{0,3}\d)*(?!\w)")


class _Term(NamedTuple):
    """Words that stand together, or a telephone number instead of them."""

    words: tuple[str, ...]
    phone: str | None = None


class _Folding(dict[int, str | None]):
    """What becomes of each character after decomposition: marks and format characters go."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        goes = unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}
        folded = self[code] = None if goes else character
        return folded


_FOLDING = _Folding({ord("đ"): "d"})


def fold(text: str) -> str:
    """A text without case, diacritics and zero-width characters; the same however it was composed (NFC or NFD)."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", decomposed.translate(_FOLDING))


def words_of(*texts: str) -> list[str]:
    """The words by which texts are found, each once; of a very long text those at its beginning."""
    found: dict[str, None] = {}
    room = _MOST_BYTES
    for word in (word for text in texts for word in _words(fold(text))):
        if word not in found:
            room -= len(word.encode())
            if room < 0:
                break
            found[word] = None
    return list(found)


def texts_in(value: object) -> Iterator[str]:
    """Every text in a JSON value but the names of its members."""
    if isinstance(value, str):
        yield value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from texts_in(member)


def tsqueries(query: str) -> list[str]:
    """For each term of a query a tsquery, as text, that finds it among `words_of`; the last one by its beginning.

    Raises:
        ValueError: no word, or more than `MOST_TERMS` terms.
    """
    terms = list(_terms(fold(query)))
    if not terms:
        message = "must hold a word"
        raise ValueError(message)
    if len(terms) > MOST_TERMS:
        message = f"must hold at most {MOST_TERMS} words"
        raise ValueError(message)
    return list(dict.fromkeys(_tsquery(term, prefix=term is terms[-1]) for term in terms))


def _words(folded: str) -> Iterator[str]:
    for joined in dict.fromkeys(_JOINED.findall(folded)):
        if joined.isalnum():  # as nearly all are: nothing is joined in it
            yield joined[:_LONGEST_WORD]
            continue
        spans = [part.span() for part in _PART.finditer(joined)]
        reach = len(spans) if len(spans) <= _MOST_PARTS else 1
        for first, (start, _) in enumerate(spans):
            for _, end in spans[first : first + reach]:
                yield joined[start:end][:_LONGEST_WORD]
        yield joined[:_LONGEST_WORD]
    for numbers in _NUMBERS.findall(folded) if _DIGIT.search(folded) else ():
        yield from _phones_in(numbers)


def _phone(number: str) -> str:
    """The word of a telephone number, which no text has by itself: words do not begin with a sign."""
    return "+" + re.sub(r"\D", "", number)[-_PHONE_DIGITS:]


def _phones_in(numbers: str) -> Iterator[str]:
    """The words of all telephone numbers that neighbouring numbers may be."""
    groups = re.findall(r"\d+", numbers)
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > _PHONE_LENGTHS[-1]:
                break
            if len(digits) in _PHONE_LENGTHS:
                yield _phone(digits)


def _terms(folded: str) -> Iterator[_Term]:
    """Telephone numbers, and what is written together, in their order."""
    start = 0
    for numbers in _NUMBERS.finditer(folded):
        if len(re.sub(r"\D", "", numbers[0])) not in _PHONE_LENGTHS:
            continue
        yield from _written_together(folded[start : numbers.start()])
        yield _Term(tuple(_JOINED.findall(numbers[0])), _phone(numbers[0]))
        start = numbers.end()
    yield from _written_together(folded[start:])


def _written_together(folded: str) -> Iterator[_Term]:
    return (_Term((joined,)) for joined in _JOINED.findall(folded))


def _tsquery(term: _Term, *, prefix: bool) -> str:
    *firsts, last = (f"'{word[:_LONGEST_WORD]}'" for word in term.words)
    by_prefix = prefix and len(term.words[-1]) >= _SHORTEST_PREFIX
    together = " & ".join([*firsts, last + ":*" if by_prefix else last])
    return together if term.phone is None else f"'{term.phone}' | {together}"
