"""The demo's cases: believable conversations on real orders of the shop, opened through the service's own API.

The texts are in `stories/*.toml`, each made for an order in some state; the orders are picked from the shop's tables,
the same ones for the same shop. Everything goes the way of a real storefront and real agents, with tokens, idempotency
keys and ETags, so opening them again changes nothing.
"""

import asyncio
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from support_service.demo.api import SupportApi
from support_service.demo.facts import Customer, ShopFact
from support_service.demo.lifecycle import AT_REST, OrderState, state_of
from support_service.demo.people import EMMA, GRACE, STOREFRONT, DemoPerson, person
from support_service.demo.tables import SQL, customer_of, facts_of_orders
from support_service.kit.database import Database

_UNHAPPY = 2
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Story:
    """One case as it is told: who says what, and where it ends up."""

    slug: str
    language: str
    fits: str
    channel: str
    subject: str
    conversation: tuple[tuple[str, str], ...]
    status: str
    priority: str = "NORMAL"
    team: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """A story and the order it is about."""

    story: Story
    order: OrderState
    customer: Customer


def stories(languages: Sequence[str]) -> list[Story]:
    """All stories in these languages, those about orders still under way last, so that lists show them first."""
    found: list[Story] = []
    for language in languages:
        text = files("support_service.demo").joinpath("stories", f"{language}.toml").read_text("utf-8")
        for entry in tomllib.loads(text)["case"]:
            lines = tuple(_speaker_and_words(line) for line in entry.pop("conversation"))
            found.append(Story(language=language, conversation=lines, **entry))
    order = list(_FITS)
    return sorted(found, key=lambda story: (order.index(story.fits), story.slug))


def _speaker_and_words(line: str) -> tuple[str, str]:
    speaker, _, words = line.partition(": ")
    return speaker, words


def _late(state: OrderState, today: date) -> bool:
    estimated = state.order.details["estimated_delivery"]
    return state.order.status == "shipped" and isinstance(estimated, date) and estimated < today


def _unhappy(state: OrderState) -> bool:
    scores = (review.details["score"] for review in state.feedback)
    return any(isinstance(score, int) and score <= _UNHAPPY for score in scores)


_FITS: Mapping[str, Callable[[OrderState, date], bool]] = {
    "delivered": lambda state, _: state.order.status == "delivered",
    "canceled": lambda state, _: state.order.status == "canceled",
    "unavailable": lambda state, _: state.order.status == "unavailable",
    "unhappy": lambda state, _: _unhappy(state),
    "two payments": lambda state, _: len(state.payments) > 1,
    "two shipments": lambda state, _: len(state.shipments) > 1,
    "alert": lambda state, _: any(alert.status == "raised" for alert in state.alerts),
    "unpaid": lambda state, _: state.order.status == "created",
    "preparing": lambda state, _: state.order.status in {"approved", "processing", "invoiced"},
    "late": _late,
    "under way": lambda state, _: state.order.status == "shipped",
}
"""Whether an order is in the state that a story tells of, those that move on last."""


def cast(told: Sequence[Story], orders: Sequence[tuple[OrderState, Customer]], today: date) -> Iterator[Cast]:
    """Give each story an order of its own that fits it, and a customer who speaks its language if there is one.

    The first story that fits an order gets it, so the choice depends on nothing but the arguments. A story that no
    order fits any more is left out.
    """
    left = {state.order.order_id: (state, customer) for state, customer in orders}
    spoken = {customer.language for _, customer in orders}
    for story in told:
        for order_id, (state, customer) in left.items():
            understood = customer.language == story.language or story.language not in spoken
            if understood and _FITS[story.fits](state, today):
                del left[order_id]
                yield Cast(story, state, customer)
                break


async def ensure_cases(shop: Database, *, url: str, issuer_key: Path) -> int:
    """Open the cases of a newly stocked shop; does nothing when that was done before.

    Args:
        shop: the shop's database, to pick orders from and to note that it is done.
        url: of the service's API.
        issuer_key: the local issuer's key file.

    Returns:
        How many cases there are by it.

    Raises:
        ApiRefused: the API did not accept one; those before it stay, and the next try goes on.
    """
    async with shop.connection() as connection:
        opened = await connection.fetchval(SQL["cases_opened"])
    if opened:
        return int(opened)
    parts = await casting(shop, datetime.now(UTC).date())
    await asyncio.to_thread(_play, SupportApi(url, issuer_key), parts)
    async with shop.connection() as connection:
        await connection.execute(SQL["note_cases_opened"], len(parts))
    return len(parts)


async def casting(shop: Database, today: date) -> list[Cast]:
    """The cases that suit what the shop has: in Vietnamese and English, for Olist's orders in Portuguese and English."""
    async with shop.connection() as connection:
        rows = await connection.fetch(SQL["orders_for_cases"], sorted(AT_REST))
        facts = await facts_of_orders(connection, [row["order_id"] for row in rows])
        by_order: dict[str, list[ShopFact]] = defaultdict(list)
        for fact in facts:
            by_order[fact.order_id].append(fact)
        orders: list[tuple[OrderState, Customer]] = []
        for row in rows:
            state = state_of(by_order[row["order_id"]])
            customer = await customer_of(connection, state.order.customer_id or "")
            if customer is not None:
                orders.append((state, customer))
    languages = ("pt", "en") if any(customer.language == "pt" for _, customer in orders) else ("vi", "en")
    return list(cast(stories(languages), orders, today))


def _play(api: SupportApi, parts: Sequence[Cast]) -> None:
    agents = {who: _agent_id(api, person(who)) for who in {part.story.agent for part in parts} - {None} if who}
    for part in parts:
        _play_one(api, part, None if part.story.agent is None else agents[part.story.agent])


def _agent_id(api: SupportApi, who: DemoPerson) -> str:
    return str(api.ask(who, "GET", "/support/agents/me").body["agent_id"])


def _play_one(api: SupportApi, part: Cast, assignee: str | None) -> None:
    story, order = part.story, part.order.order
    agent = person(story.agent) if story.agent else EMMA
    by_phone = story.channel == "PHONE"
    opening = {
        "customer_id": part.customer.customer_id,
        "order_id": order.order_id,
        "channel": story.channel,
        "subject": story.subject,
        "description": _said(story.conversation[0][1], order.order_id),
        "priority": story.priority,
        "language": story.language,
        "contact": _contact(part.customer),
    }
    key = f"demo-{story.slug}-{order.order_id}"
    case = api.ask(
        agent if by_phone else STOREFRONT, "POST", "/support/cases", opening, headers={"idempotency-key": key}
    ).body
    path = f"/support/cases/{case['ticket_id']}"
    _settle(api, path, {"team": story.team, "assignee": assignee})
    for number, (speaker, words) in enumerate(story.conversation[1:], start=1):
        message: dict[str, Any] = {"message": _said(words, order.order_id)}
        if speaker == "note":
            message["internal"] = True
        if speaker == "customer":
            message["on_behalf_of_customer"] = True
        who = agent if by_phone or speaker in {"agent", "note"} else STOREFRONT
        api.ask(who, "POST", f"{path}/messages", message, headers={"idempotency-key": f"{key}-{number}"})
    _settle(api, path, {"status": story.status})


def _settle(api: SupportApi, path: str, wanted: Mapping[str, str | None]) -> None:
    """Make fields of a case what they should be, as the supervisor does."""
    now = api.ask(GRACE, "GET", path)
    changes = {name: value for name, value in wanted.items() if now.body[name] != value}
    if changes:
        api.ask(GRACE, "PATCH", path, changes, headers={"if-match": now.etag or ""})


def _said(words: str, order_id: str) -> str:
    return words.replace("{order}", order_id if len(order_id) <= _SHORT else f"{order_id[:8]}…")


def _contact(customer: Customer) -> dict[str, str] | None:
    known = {"name": customer.name, "email": customer.email, "phone": customer.phone}
    return {name: value for name, value in known.items() if value is not None} or None
