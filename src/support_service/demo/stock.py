"""What the demo's shop is stocked with: a simulated shop, or the orders of a folder with Olist's files."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from support_service.demo.facts import Customer, ShopFact
from support_service.demo.generate import generate
from support_service.demo.olist import read_stock


@dataclass(frozen=True, slots=True)
class Stock:
    """Customers and facts to fill a shop with, and which rows of the files were not used."""

    customers: list[Customer]
    facts: list[ShopFact]
    passed_over: Counter[str]


def choice_of(olist: Path | None, seed: int) -> str:
    """The choice of data as a text: the same as long as the same shop is wanted."""
    return f"the simulated shop of seed {seed}" if olist is None else f"Olist's orders in {olist.resolve()}"


def gather(*, olist: Path | None, seed: int, now: datetime) -> Stock:
    """Everything a new shop begins with.

    Args:
        olist: folder with Olist's files; None takes the simulated shop.
        seed: of the simulated shop.
        now: what the simulated shop's times are relative to; aware, in UTC.

    Raises:
        OlistError: the files cannot be read.
    """
    passed_over: Counter[str] = Counter()
    customers, facts = generate(seed, now) if olist is None else read_stock(olist, passed_over)
    return Stock(customers, facts, +passed_over)
