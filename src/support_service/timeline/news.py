"""What became known of a customer without asking the shop: the generation, and the facts that came by event."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from support_service.context import Context
from support_service.directory import Directory
from support_service.kit.database import Database
from support_service.kit.loader import Loader
from support_service.sources import Fact
from support_service.timeline.model import CaseKey

_Key = tuple[str, str]
"""Customer and order."""


@dataclass(frozen=True, slots=True)
class News:
    """A customer's generation, and the facts that came by event with the time each came."""

    generation: int
    came: Sequence[tuple[Fact, datetime]]


class Newsroom:
    """Reads the news; those of cases about one order for many at once."""

    def __init__(self, database: Database, context: Context, directory: Directory) -> None:
        """Read from the service's own database."""
        self._database = database
        self._context = context
        self._directory = directory
        self._of_orders: Loader[_Key, News] = Loader(self._load)

    async def news(self, key: CaseKey, order_ids: Sequence[str]) -> News:
        """What is committed now about a case's order, or about these orders of its customer and everything else of theirs."""
        if key.order_id is not None:
            return await self._of_orders.get((key.customer_id, key.order_id)) or News(0, ())
        async with self._database.connection() as connection:
            generations = await self._directory.generations(connection, [key.customer_id])
            came = await self._context.events_of(connection, order_ids, key.customer_id)
        return News(generations[key.customer_id], came)

    async def _load(self, keys: Sequence[_Key]) -> dict[_Key, News]:
        async with self._database.connection() as connection:
            # Generations are read before the events: what they count is then in them, perhaps with more.
            generations = await self._directory.generations(connection, {customer_id for customer_id, _ in keys})
            came = await self._context.events_of(connection, {order_id for _, order_id in keys}, None)
        by_order: defaultdict[str, list[tuple[Fact, datetime]]] = defaultdict(list)
        for fact, at in came:
            by_order[fact.order_id].append((fact, at))
        return {
            (customer_id, order_id): News(generations[customer_id], by_order[order_id])
            for customer_id, order_id in keys
        }
