"""Names of files, in any script: which are refused, and how one is written into a header."""

import re
import unicodedata
from urllib.parse import quote

LONGEST_NAME = 255
_JOINERS = "\u200c\u200d"
"""Persian and the scripts of India need them, and so do emoji."""

_REFUSED = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Control and format characters (bidirectional overrides and most of what has no width), and what is no character."""

_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


def checked(name: str) -> str:
    """A file's name in NFC, the form in which equal names are equal.

    Raises:
        ValueError: it is not the name of a file, or does not show what it is.
    """
    composed = unicodedata.normalize("NFC", name)
    if not 1 <= len(composed) <= LONGEST_NAME:
        message = f"must hold 1 to {LONGEST_NAME} characters"
        raise ValueError(message)
    if any(letter not in _JOINERS and unicodedata.category(letter) in _REFUSED for letter in composed):
        message = "must not hold characters that steer how text is shown, or have no width"
        raise ValueError(message)
    if "/" in composed or "\\" in composed:
        message = "must be the name of a file, without a folder"
        raise ValueError(message)
    if composed[0].isspace() or composed[0] in _JOINERS or composed[-1].isspace() or not ending_of(composed):
        message = "must end like `.pdf`, and not begin or end with a space"
        raise ValueError(message)
    return composed


def ending_of(name: str) -> str:
    """What stands after the last dot, in lower case; empty when there is no ending of letters and digits."""
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem and ending.isascii() and ending.isalnum() else ""


def disposition(name: str) -> str:
    """The `Content-Disposition` of a file that is to be saved, never shown (RFC 6266, and RFC 8187 for its name)."""
    plain = _PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
