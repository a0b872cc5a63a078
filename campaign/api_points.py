"""The API behind its own server, dying at a point: `CAMPAIGN_KILL=<point>:<n> python -m campaign.api_points`.

Its server would start it anew at once, and with the same order: both die together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from campaign.death import Death, begins, lay_around_transactions
from support_service.activity import store
from support_service.activity.store import View
from support_service.desk import Desk
from support_service.entrypoints import http
from support_service.entrypoints.application import Application
from support_service.entrypoints.server import serve
from support_service.kit.database import Tx

_WRITES = {"open_case": "case", "post_message": "message", "change_case": "change"}
API_POINTS = (
    *(f"{part}.{moment}" for part in _WRITES.values() for moment in ("before_commit", "after_commit")),
    "views.before",
    "views.sent",
    "views.written",
)
"""Around the transaction of each write: after it is committed it is neither answered nor in the log's order. Before a batch of
views, while its statement is on its way, after it."""


def lay(death: Death) -> None:
    """Lay the points around the API's parts."""
    lay_around_transactions(death)
    for name, part in _WRITES.items():
        setattr(Desk, name, _of_part(part, getattr(Desk, name)))
    _around_views(death)


def create_app() -> Application:
    """The API with its points."""
    lay(Death.ordered(with_parent=True))
    return http.create_app()


def _of_part(part: str, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def written(*asked: object, **options: object) -> Any:
        begins(part)
        return await write(*asked, **options)

    return written


def _around_views(death: Death) -> None:
    insert = store.insert_views

    async def inserted(connection: Tx, views: Sequence[View]) -> None:
        death.at("views.before")
        writing = asyncio.create_task(insert(connection, views))
        await asyncio.sleep(0)
        death.at("views.sent")
        await writing
        death.at("views.written")

    store.insert_views = inserted


if __name__ == "__main__":
    serve("campaign.api_points:create_app")
