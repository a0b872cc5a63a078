"""Asking the running API for webhooks, as a supervisor does."""

from typing import Any

from support.receivers import Receiver
from support.service import Answer, Person, eventually

HOOKS = "/support/webhooks"


async def subscribe(supervisor: Person, url: str, **fields: object) -> Any:
    answer = await supervisor.ask("POST", HOOKS, {"url": url, **fields})
    assert answer.status == 201, answer
    return answer.body


async def change(supervisor: Person, webhook: Any, **changes: object) -> Answer:
    return await supervisor.ask(
        "PATCH", f"{HOOKS}/{webhook['webhook_id']}", changes, if_match=f'"{webhook["version"]}"'
    )


async def came(receiver: Receiver, count: int) -> None:
    async def check() -> bool:
        return len(receiver.got) >= count

    await eventually(check)


async def first_delivery(supervisor: Person, webhook: Any, status: str = "DELIVERED") -> Any:
    async def found() -> Any:
        page = await supervisor.get(f"{HOOKS}/{webhook['webhook_id']}/deliveries?status={status}")
        return page["items"] and page["items"][0]

    return await eventually(found)


async def walked(supervisor: Person, path: str, name: str) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = await supervisor.get(path + cursor)
        found += [one[name] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
