"""Whose an order is, as its facts tell it, and which facts a customer's timeline may therefore show."""

from collections.abc import Iterable, Mapping

from support_service.sources.catalog import RANK
from support_service.sources.model import Fact, ShopEvent


def owners_told(facts: Iterable[Fact | ShopEvent]) -> dict[str, str]:
    """The customer of each order, by the order service's newest word, else by the word of the first source that knows."""
    best: dict[str, Fact | ShopEvent] = {}
    for fact in facts:
        if fact.customer_id is None:
            continue
        known = best.get(fact.order_id)
        if known is None or _weight(fact) > _weight(known):
            best[fact.order_id] = fact
    return {order_id: str(fact.customer_id) for order_id, fact in best.items()}


def _weight(fact: Fact | ShopEvent) -> tuple[int, int, str, str]:
    return (-RANK[fact.source], fact.version, fact.entity_id, str(fact.customer_id))


def may_see(customer_id: str, fact: Fact, owners: Mapping[str, str]) -> bool:
    """Whether a fact may be shown in a customer's timeline: not if it, or its order, is known to be another's."""
    return (fact.customer_id or owners.get(fact.order_id, customer_id)) == customer_id
