"""The demo's carrier: takes the replies of the cases that the storefront opened, and tells how they fared.

It brings them to nobody: the customers are made up. What has an address is sent, and delivered a moment later; what has
none has failed.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from support_service.demo.api import ApiRefused, SupportApi
from support_service.demo.people import STOREFRONT
from support_service.kit import logs

_EVERY_S = 2.0
_ON_THE_WAY = timedelta(seconds=4)

_log = logs.get_logger("support_service.demo.carrier")


async def carry_on(api: SupportApi) -> None:
    """Bring replies until cancelled; an API that is away is asked again."""
    while True:
        try:
            await asyncio.to_thread(carry, api, datetime.now(UTC))
        except (ApiRefused, KeyError) as error:
            _log.warning("shop.carrier_waits", exc_info=error)
        await asyncio.sleep(_EVERY_S)


def carry(api: SupportApi, now: datetime) -> None:
    """Take a page of what waits, and let arrive what was sent some seconds ago.

    Raises:
        ApiRefused: the API did not take a report; the next round goes on.
    """
    for reply in _replies(api, "sent"):
        if now - datetime.fromisoformat(reply["reported_at"]) >= _ON_THE_WAY:
            _report(api, reply, now, {"state": "delivered"})
    for reply in _replies(api, "queued"):
        reachable = bool((reply["contact"] or {}).get("email"))
        outcome = {"state": "sent"} if reachable else {"state": "failed", "reason": "unknown_address"}
        _report(api, reply, now, outcome)


def _replies(api: SupportApi, state: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.ask(STOREFRONT, "GET", f"/support/deliveries?state={state}").body["items"]
    return found


def _report(api: SupportApi, reply: dict[str, Any], now: datetime, outcome: dict[str, str]) -> None:
    path = f"/support/cases/{reply['ticket_id']}/messages/{reply['conversation_id']}/delivery"
    api.ask(STOREFRONT, "PUT", path, outcome | {"reported_at": now.isoformat()})
