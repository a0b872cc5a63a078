"""Whose an order is: all SQL of `order_subjects`, and of how often that changed (`order_owner_changes`).

What the shop says (an event, a row of the lake, a service's answer) is *learnt*, and its latest word counts. What a case
says is *claimed*: it stands until something is learnt, and never bars another customer, as whoever opened that case may
have mistyped the number.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from support_service.kit.database import CheckViolation, Tx
from support_service.kit.problems import Problem
from support_service.kit.sql import load_queries
from support_service.kit.together import Sends

_SQL = load_queries("support_service.sources")
_ORIGIN = "order_subjects_origin"


async def owner_of(connection: Tx, order_id: str) -> str | None:
    """The customer an order is known to belong to; None when nothing was learnt, whatever is claimed."""
    owner: str | None = await connection.fetchval(_SQL["owner_learnt"], order_id)
    return owner


async def owners_learnt(connection: Tx, order_ids: Sequence[str]) -> dict[str, str]:
    """The customer of each order of which it was learnt."""
    rows = await connection.fetch(_SQL["owners_learnt"], list(order_ids))
    return {row["order_id"]: row["customer_id"] for row in rows}


async def claim(tx: Sends, order_id: str, customer_id: str) -> None:
    """Note that a case says an order is this customer's, unless it is known or said to be somebody's.

    Raises:
        CheckViolation: when it is sent: it was learnt to be another's. See `refusing_claims`.
    """
    await tx.execute(_SQL["claim"], order_id, customer_id)


@contextmanager
def refusing_claims(refusal: type[Problem]) -> Iterator[None]:
    """Raise this problem if a claim is refused that is sent inside the block."""
    try:
        yield
    except CheckViolation as error:
        if error.constraint_name == _ORIGIN:
            raise refusal from None
        raise


async def learn(tx: Tx, owners: Mapping[str, str]) -> None:
    """Take the shop's word for whose these orders are; writes nothing when that is known."""
    if owners:
        await tx.execute(_SQL["learn"], list(owners), list(owners.values()))


async def changes(tx: Tx) -> tuple[object, ...]:
    """What is another value after an owner that was learnt has changed, or another server has taken over."""
    return tuple(await tx.fetchrow(_SQL["changes"]) or ())


async def owners_of(tx: Tx, order_ids: Collection[str]) -> dict[str, str]:
    """The customer of each of these orders that has one, learnt or else claimed."""
    rows = await tx.fetch(_SQL["owners"], list(order_ids)) if order_ids else []
    return {row["order_id"]: row["customer_id"] for row in rows}


async def orders_of(connection: Tx, customer_id: str, limit: int = 20) -> list[str]:
    """The customer's orders as far as they are known here, the latest learnt or claimed first."""
    return [row["order_id"] for row in await connection.fetch(_SQL["orders_of"], customer_id, limit)]
