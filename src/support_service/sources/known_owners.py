"""Whose orders are, as far as a process has learnt it itself: a shop tells it with every event, and mostly what is known.

What is remembered holds until an order's owner changes, wherever that was learnt: the database counts it
(`order_owner_changes`), and one look a batch spares a look for each of its orders.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from support_service.kit.database import Tx
from support_service.sources import subjects
from support_service.sources.model import ShopEvent
from support_service.sources.ownership import owners_told

MOST_ORDERS = 100_000
"""Remembered at most, in some 20 MiB; then from the beginning."""

_WHOSE = attrgetter("order_id", "customer_id")
"""Asked of an event together, as naming each costs more."""

_AsOf: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What events said of whose their orders are; the shop's own words, to be remembered once they are committed."""

    owners: Mapping[str, str]
    """Of each of their orders that has one: the customer, learnt or else claimed."""
    told: Mapping[str, str]
    as_of: _AsOf


class KnownOwners:
    """The owners of orders that this process knows to be written down."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[str, str] = {}
        self._as_of: _AsOf = ()

    async def learn_from(self, tx: Tx, events: Collection[ShopEvent]) -> Learnt:
        """Write down what is new; hand the answer to `remember` once the transaction is committed."""
        as_of = await subjects.changes(tx)
        if as_of != self._as_of or not as_of:
            self._known, self._as_of = {}, as_of
        owners: dict[str, str] = {}
        unsure = set()
        for order_id, customer_id in map(_WHOSE, events):
            known = self._known.get(order_id)
            if known is None or (customer_id is not None and customer_id != known):
                unsure.add(order_id)
            else:
                owners[order_id] = known
        if not unsure:
            return Learnt(owners, {}, as_of)
        told = owners_told(event for event in events if event.order_id in unsure)
        await subjects.learn(tx, told)
        others = await subjects.owners_of(tx, unsure - told.keys())
        return Learnt(owners | others | told, told, as_of)

    def remember(self, learnt: Learnt) -> None:
        """What this transaction wrote down is known from now on, unless an owner has changed since it began."""
        if learnt.as_of != self._as_of or not learnt.told:
            return
        if len(self._known) + len(learnt.told) > MOST_ORDERS:
            self._known.clear()
        self._known |= learnt.told
