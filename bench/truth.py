"""What the service has to answer, from the shop's facts and not from the service."""

import json
from datetime import date, datetime
from typing import Any

from bench import shop
from bench.load import Expected
from support_service.demo.facts import ShopFact

_SOURCES = ',"sources":['


class WrongAnswer(Exception):  # noqa: N818 - the service's fault, not the benchmark's
    """An answer that is not what its sources say."""


def timeline_body(
    text: str, order_id: str, count: int = shop.FACTS, limit: int = 100, *, settled: bool = True
) -> Expected:
    """The bytes that every answer of this timeline must begin with, after comparing this one with the shop's facts.

    Args:
        text: a body.
        order_id: of its case.
        count: facts of the order.
        limit: the newest so many of them have to be in it.
        settled: every source has to be ok; else its facts alone count.

    Raises:
        WrongAnswer: it says something else.
    """
    _compare(json.loads(text), order_id, count, limit, settled=settled)
    return Expected(text[: text.rindex(_SOURCES)], whole=False)


def case_body(text: str, ticket_id: str, order_id: str, count: int = shop.FACTS) -> Expected:
    """The same of a case with its timeline.

    Raises:
        WrongAnswer: it says something else.
    """
    told = json.loads(text)
    if told["ticket_id"] != ticket_id or told["order_id"] != order_id or len(told["conversation"]) != 1:
        raise WrongAnswer(f"not the case {ticket_id}")
    _compare(told["timeline"], order_id, count)
    return Expected(text[: text.rindex(_SOURCES)], whole=False)


def from_lake(told: dict[str, Any], order_id: str, count: int) -> None:
    """Compare a timeline with the shop's facts, all of which the lake has to have told.

    Raises:
        WrongAnswer: it says something else, or of somebody else.
    """
    _compare(told, order_id, count)
    origins = {source["source"]: source["served_from"] for source in told["sources"]}
    if set(origins.values()) != {"lake"}:
        raise WrongAnswer(f"sources of {order_id} served from {origins}")


def _compare(told: dict[str, Any], order_id: str, count: int, limit: int = 100, *, settled: bool = True) -> None:
    newest = shop.facts_of(order_id, count)[-limit:]  # each is later than the one before
    wanted = {f"{fact.source}:{fact.entity_id}:{fact.version}": _said(fact) for fact in newest}
    found = {entry["entry_id"]: _entry(entry) for entry in told["entries"]}
    if found != wanted:
        differing = {key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key)}
        example = min(differing)
        raise WrongAnswer(
            f"{len(differing)} entries of {order_id} differ: {wanted.get(example)} != {found.get(example)}"
        )
    states = {source["source"]: source["status"] for source in told["sources"]}
    if settled and (len(states) != 5 or set(states.values()) != {"ok"}):  # noqa: PLR2004 - the shop has five sources
        raise WrongAnswer(f"sources of {order_id}: {states}")


def _said(fact: ShopFact) -> dict[str, Any]:
    """A fact as the API must say it: data as JSON knows it, times in UTC to the microsecond."""
    details = {name: value.isoformat() if isinstance(value, date) else value for name, value in fact.details.items()}
    return {
        "source": fact.source,
        "entity_id": fact.entity_id,
        "order_id": fact.order_id,
        "version": fact.version,
        "kind": f"{fact.source}.{fact.status}",
        "occurred_at": fact.occurred_at,
        "data": {"status": fact.status, **details, "time_known": fact.time_known},
    }


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in entry.items() if name not in {"entry_id", "summary"}}
    return told | {"occurred_at": datetime.fromisoformat(told["occurred_at"])}
