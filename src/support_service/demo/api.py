"""The service's own HTTP API, used by the demo as anybody would: with a token, an idempotency key, an ETag."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support_service.demo.people import GRACE, DemoPerson
from support_service.demo.switch import token_of

_TIMEOUT_S = 10.0
_UNFINISHED = ("OPEN", "PENDING", "ON_HOLD")
_MOST_LOOKED_AT = 40


class ApiRefused(OSError):  # noqa: N818 - what it says: the answer was no
    """The API answered with a problem, or not at all; the message says which."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A JSON answer and its ETag."""

    body: Any
    etag: str | None


class SupportApi:
    """A client that acts as any of the demo's people, one request at a time, blocking."""

    def __init__(self, url: str, issuer_key: Path) -> None:
        """Use the API at `url`, signing tokens with the local issuer's key; no request is made yet."""
        self._url = url
        self._issuer_key = issuer_key
        self._tokens: dict[str, str] = {}

    def ask(
        self,
        who: DemoPerson,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send a request as a person.

        Raises:
            ApiRefused: the answer was not a success, or there was none within 10 s.
        """
        request = urllib.request.Request(  # noqa: S310 - the demo's own address
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "authorization": f"Bearer {self._token(who)}",
                "content-type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 - likewise
                return Answered(json.loads(response.read()), response.headers.get("etag"))
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(2000).decode(errors="replace")
            raise ApiRefused(f"{method} {path}: {error.code} {told}") from error
        except (OSError, ValueError) as error:
            raise ApiRefused(f"{method} {path}: {error}") from error

    def orders_looked_at(self) -> Sequence[str]:
        """The orders that have unfinished cases, the newest case first."""
        query = "&".join(f"status={status}" for status in _UNFINISHED)
        page = self.ask(GRACE, "GET", f"/support/cases?{query}&limit={_MOST_LOOKED_AT}")
        return [case["order_id"] for case in page.body["items"] if case["order_id"] is not None]

    def _token(self, who: DemoPerson) -> str:
        if who.subject not in self._tokens:
            self._tokens[who.subject] = token_of(who, issuer_key=self._issuer_key)
        return self._tokens[who.subject]
