"""The four requests of the API that a carrier needs."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from examples.mail_gateway.settings import Settings

_TIMEOUT = aiohttp.ClientTimeout(total=15)


class SupportAway(Exception):  # noqa: N818 - what it says
    """The API did not take or give something: try again later."""


class SupportApi:
    """The API, as the SERVICE client whose token the settings name."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        """Ask through this session."""
        self._session = session
        self._settings = settings

    async def queued(self) -> AsyncIterator[dict[str, Any]]:
        """All replies that wait to be brought, oldest first."""
        cursor: str | None = None
        while True:
            query = {"state": "queued", "limit": "100"} | ({"cursor": cursor} if cursor else {})
            page = await self._ask("GET", "/support/deliveries", params=query)
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def report(self, ticket_id: str, conversation_id: str, report: dict[str, str]) -> bool:
        """Say what became of a reply; False when there is no such reply of ours."""
        path = f"/support/cases/{ticket_id}/messages/{conversation_id}/delivery"
        return await self._ask("PUT", path, json=report) is not None

    async def case(self, ticket_id: str) -> dict[str, Any] | None:
        """A case that we opened; None: there is none."""
        found: dict[str, Any] | None = await self._ask("GET", f"/support/cases/{ticket_id}")
        return found

    async def post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """Open a case or say something in one, once for each key."""
        answer: dict[str, Any] | None = await self._ask("POST", path, json=body, headers={"idempotency-key": key})
        if answer is None:
            raise SupportAway(f"POST {path}: 404")
        return answer

    async def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> Any:
        """The answer's body; None when there is nothing (404).

        Raises:
            SupportAway: any other answer than a success, or none within 15 s.
        """
        try:
            sent = {"authorization": f"Bearer {self._settings.support_token_file.read_text().strip()}"} | (
                headers or {}
            )
            url = self._settings.support_url + path
            async with self._session.request(method, url, headers=sent, timeout=_TIMEOUT, **options) as answer:
                if answer.status == 404:  # noqa: PLR2004 - HTTP's own
                    return None
                if not answer.ok:
                    raise SupportAway(f"{method} {path}: {answer.status} {(await answer.text())[:500]}")
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SupportAway(f"{method} {path}: {error!r}") from error
