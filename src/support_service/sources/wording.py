"""Plain English for the summaries: a fall-back for clients that do not render `kind` and `data` themselves."""

from collections.abc import Mapping
from typing import Any

_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = dict.fromkeys(_NO_DIGITS.split(), 0) | dict.fromkeys(_THREE_DIGITS.split(), 3)
"""Digits after the point of the currencies (ISO 4217) that do not have two."""


def plain(code: str) -> str:
    """A code as words: `out_for_delivery` is `out for delivery`."""
    return code.replace("_", " ")


def money(amount_minor: int, currency: str | None) -> str:
    """An amount of minor units, such as `129.90 BRL` or `250000 VND`; without a currency it is read as of two digits."""
    digits = _DIGITS.get(currency or "", 2)
    whole, rest = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{sign}{whole}{fraction} {currency or ''}".rstrip()


def counted(number: int, noun: str) -> str:
    """A number of things: `1 item`, `3 items`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sentence(head: str, *details: str | None) -> str:
    """A head and the details that are known, such as `Order shipped: 2 items, 129.90 BRL`."""
    known = [detail for detail in details if detail]
    return f"{head}: {', '.join(known)}" if known else head


def expected(data: Mapping[str, Any]) -> str | None:
    """When delivery is expected, while it has not ended."""
    day = data.get("estimated_delivery")
    if day is None or data.get("status") in {"delivered", "canceled", "returned", "unavailable", "failed"}:
        return None
    return f"expected by {day}"
