"""Plain HTTP to components on loopback, for readiness and settling; a test or a launcher may block on it."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


class Refused(Exception):  # noqa: N818 - what a component did
    """A component answered with an error, or with nothing that can be read."""


def ask(method: str, url: str, body: str | None = None, *, timeout_s: float = 1.0, **headers: str) -> Any:
    """The JSON that comes back; None for an empty answer.

    Args:
        method: of HTTP.
        url: http://host:port/path.
        body: sent as UTF-8.
        timeout_s: for the connection and each wait for bytes.
        headers: with `_` for `-`.

    Raises:
        Refused: a status of 400 or more, no connection, or no JSON.
    """
    content = _content(method, url, body, timeout_s, {name.replace("_", "-"): text for name, text in headers.items()})
    try:
        return json.loads(content) if content.strip() else None
    except ValueError as error:
        raise Refused(f"no JSON: {content[:100]!r}") from error


def answers(url: str) -> bool:
    """Whether a GET of the URL is answered without an error."""
    try:
        _content("GET", url, None, 1.0, {})
    except Refused:
        return False
    return True


def _content(method: str, url: str, body: str | None, timeout_s: float, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request(method, path, None if body is None else body.encode(), dict(headers))
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if answer.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
        raise Refused(f"{answer.status}: {content[:300].decode('utf-8', 'replace')}")
    return content
