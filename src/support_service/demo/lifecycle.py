"""How an order of the simulated shop goes on: one pure step at a time, for the generator and for the feed alike.

    order     created > approved > processing > invoiced > shipped > delivered      (or canceled, unavailable)
    payment   [failed >] authorized > captured                                      (or voided, refunded)
    shipment  created > handed_over > in_transit > out_for_delivery [> failed > out_for_delivery] > delivered [> returned]
    fraud     raised > cleared or confirmed            feedback  requested > answered

Chance comes from the random generator handed in, so the same seed and state give the same step.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from support_service.demo.facts import Customer, ShopFact, Source, Value
from support_service.demo.goods import CARRIERS, COMMENTS, METHODS, PRICES, RULES, SELLERS

AT_REST = frozenset({"delivered", "canceled", "unavailable"})
"""Statuses in which an order waits for nobody any more."""

_MOST_ALERTS = 2
_MOST_FACTS = 60
_UNHAPPY = 2
_ODDS = {
    "alert cleared": 0.75,
    "payment fails": 0.08,
    "customer gives up": 0.3,
    "voucher pays a part": 0.1,
    "order ends early": 0.03,
    "second seller": 0.25,
    "nobody at home": 0.12,
    "no answer": 0.35,
    "sent back": 0.6,
}
_CURRENCY_BY_PREFIX = {"+84": "VND", "+44": "GBP", "+1": "USD"}


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where an order stands: the newest fact of each of its entities, and how many facts there are in all."""

    order: ShopFact
    payments: tuple[ShopFact, ...] = ()
    shipments: tuple[ShopFact, ...] = ()
    alerts: tuple[ShopFact, ...] = ()
    feedback: tuple[ShopFact, ...] = ()
    facts: int = 1


def state_of(facts: Iterable[ShopFact]) -> OrderState:
    """The state that an order's facts, in any order, add up to.

    Raises:
        ValueError: there is no fact of the order itself among them.
    """
    newest: dict[tuple[Source, str], ShopFact] = {}
    count = 0
    for fact in facts:
        count += 1
        key = (fact.source, fact.entity_id)
        if key not in newest or newest[key].version < fact.version:
            newest[key] = fact

    def entities(source: Source) -> tuple[ShopFact, ...]:
        return tuple(newest[key] for key in sorted(newest) if key[0] == source)

    orders = entities("order")
    if len(orders) != 1:
        raise ValueError("the facts are not those of one order")
    return OrderState(
        order=orders[0],
        payments=entities("payment"),
        shipments=entities("shipment"),
        alerts=entities("fraud"),
        feedback=entities("feedback"),
        facts=count,
    )


def currency_of(customer: Customer) -> str:
    """The currency a customer pays in, by the country of their phone number; Brazilian without one."""
    for prefix, currency in _CURRENCY_BY_PREFIX.items():
        if (customer.phone or "").startswith(prefix):
            return currency
    return "BRL"


def place_order(customer: Customer, order_id: str, rng: Random, at: datetime) -> ShopFact:
    """A new order of a customer: its first fact."""
    currency = currency_of(customer)
    lowest, highest, step = PRICES[currency]
    items = rng.choices((1, 2, 3, 4), weights=(60, 25, 10, 5))[0]
    details: dict[str, Value] = {
        "items": items,
        "amount_minor": sum(rng.randrange(lowest, highest, step) for _ in range(items)),
        "currency": currency,
        "estimated_delivery": (at + timedelta(days=rng.randint(3, 10))).date(),
    }
    return ShopFact("order", order_id, order_id, customer.customer_id, 1, "created", at, True, details)


def raise_alert(state: OrderState, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    """A fraud alert on an order; none when one is open or it has had its share."""
    if len(state.alerts) >= _MOST_ALERTS or any(alert.status == "raised" for alert in state.alerts):
        return ()
    details: dict[str, Value] = {"rule": rng.choice(RULES), "score": rng.randint(55, 99)}
    alert_id = f"{state.order.order_id}-f{len(state.alerts) + 1}"
    return (_new(state, "fraud", alert_id, "raised", at=at, details=details),)


def advance(state: OrderState, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    """The facts of an order's next step, all at one time; none when nothing more happens to it."""
    if state.facts >= _MOST_FACTS:
        return ()
    for alert in state.alerts:
        if alert.status == "raised":
            return _resolve(state, alert, rng, at)
    stage = _STAGES.get(state.order.status)
    return tuple(_give_back(state, at)) if stage is None else stage(state, rng, at)


def _resolve(state: OrderState, alert: ShopFact, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    if _happens("alert cleared", rng):
        return (_next(alert, "cleared", at),)
    if state.order.status in AT_REST | {"shipped"}:
        return (_next(alert, "confirmed", at),)
    return (_next(alert, "confirmed", at), _next(state.order, "canceled", at))


def _pay(state: OrderState, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    if not state.payments:
        status = "failed" if _happens("payment fails", rng) else "authorized"
        return tuple(_new_payments(state, status, rng, at))
    failed = [payment for payment in state.payments if payment.status == "failed"]
    if failed and _happens("customer gives up", rng):
        return (_next(state.order, "canceled", at),)
    if failed:
        return tuple(_next(payment, "authorized", at) for payment in failed)
    return (_next(state.order, "approved", at),)


def _new_payments(state: OrderState, status: str, rng: Random, at: datetime) -> Iterator[ShopFact]:
    currency = str(state.order.details["currency"])
    total = state.order.details["amount_minor"]
    amount = total if isinstance(total, int) else PRICES[currency][0]
    parts = [amount]
    if status == "authorized" and _happens("voucher pays a part", rng):
        voucher = amount // 5
        parts = [amount - voucher, voucher]
    for number, part in enumerate(parts, start=1):
        method = rng.choice(METHODS[currency]) if number == 1 else "voucher"
        installments = rng.choice((1, 1, 1, 3, 6)) if method == "credit_card" else 1
        details: dict[str, Value] = {
            "method": method,
            "installments": installments,
            "amount_minor": part,
            "currency": currency,
        }
        yield _new(state, "payment", f"{state.order.order_id}-{number}", status, at=at, details=details)


def _prepare(state: OrderState, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    order = state.order
    if _happens("order ends early", rng):
        return (_next(order, rng.choice(("canceled", "unavailable")), at),)
    if order.status == "approved":
        return (_next(order, "processing", at), *(() if state.shipments else _new_shipments(state, rng, at)))
    if order.status == "processing":
        paid = (payment for payment in state.payments if payment.status == "authorized")
        return (_next(order, "invoiced", at), *(_next(payment, "captured", at) for payment in paid))
    shipments = state.shipments or tuple(_new_shipments(state, rng, at))
    return (_next(order, "shipped", at), *(_hand_over(shipment, order, rng, at) for shipment in shipments))


def _new_shipments(state: OrderState, rng: Random, at: datetime) -> Iterator[ShopFact]:
    order = state.order
    items = order.details["items"]
    count = items if isinstance(items, int) else 1
    parts = [count - 1, 1] if count > 1 and _happens("second seller", rng) else [count]
    sellers = rng.sample(SELLERS[str(order.details["currency"])], k=len(parts))
    for number, (seller, part) in enumerate(zip(sellers, parts, strict=True), start=1):
        details: dict[str, Value] = {
            "carrier": None,
            "tracking_number": None,
            "seller": seller,
            "items": part,
            "estimated_delivery": order.details["estimated_delivery"],
        }
        yield _new(state, "shipment", f"{order.order_id}-s{number}", "created", at=at, details=details)


def _hand_over(shipment: ShopFact, order: ShopFact, rng: Random, at: datetime) -> ShopFact:
    carrier, prefix = rng.choice(CARRIERS[str(order.details["currency"])])
    tracking = shipment.details["tracking_number"] or f"{prefix}{rng.randrange(10**9, 10**10)}"
    details = {**shipment.details, "carrier": shipment.details["carrier"] or carrier, "tracking_number": tracking}
    # A shipment made in this very step has not been told before: it starts with the carrier.
    if shipment.occurred_at == at and shipment.version == 1:
        return replace(shipment, status="handed_over", details=details)
    return replace(_next(shipment, "handed_over", at), details=details)


def _carry(state: OrderState, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    if not state.shipments:
        return (_next(state.order, "delivered", at),)
    under_way = [shipment for shipment in state.shipments if shipment.status not in {"delivered", "returned"}]
    if not under_way:
        return (_next(state.order, "delivered", at),)
    shipment = rng.choice(under_way)
    match shipment.status:
        case "created":
            return (_hand_over(shipment, state.order, rng, at),)
        case "handed_over":
            moved = _next(shipment, "in_transit", at)
        case "out_for_delivery" if _happens("nobody at home", rng):
            moved = _postponed(_next(shipment, "failed", at))
        case "out_for_delivery":
            moved = _next(shipment, "delivered", at)
        case _:
            moved = _next(shipment, "out_for_delivery", at)
    if moved.status == "delivered" and len(under_way) == 1:
        return (moved, _next(state.order, "delivered", at))
    return (moved,)


def _postponed(shipment: ShopFact) -> ShopFact:
    """Not met at home: the carrier tries again two days later than it had said, or than today."""
    estimated = shipment.details["estimated_delivery"]
    today = shipment.occurred_at.date()
    start = max(estimated, today) if isinstance(estimated, date) else today
    return replace(shipment, details={**shipment.details, "estimated_delivery": start + timedelta(days=2)})


def _aftermath(state: OrderState, rng: Random, at: datetime) -> tuple[ShopFact, ...]:
    unknown: dict[str, Value] = {"score": None, "title": None, "comment": None}
    if not state.feedback:
        return (_new(state, "feedback", f"{state.order.order_id}-r1", "requested", at=at, details=unknown),)
    review = state.feedback[-1]
    if review.status == "requested":
        if _happens("no answer", rng):
            return ()
        stars = rng.choices((1, 2, 3, 4, 5), weights=(12, 6, 10, 24, 48))[0]
        title, comment = rng.choice(COMMENTS[str(state.order.details["currency"])][stars])
        answer: dict[str, Value] = {"score": stars, "title": title, "comment": comment}
        return (replace(_next(review, "answered", at), details=answer),)
    score = review.details["score"]
    unhappy = isinstance(score, int) and score <= _UNHAPPY
    for shipment in state.shipments:
        if unhappy and shipment.status == "delivered" and _happens("sent back", rng):
            return (_next(shipment, "returned", at),)
    returned = bool(state.shipments) and all(shipment.status == "returned" for shipment in state.shipments)
    return tuple(_give_back(state, at)) if returned else ()


def _give_back(state: OrderState, at: datetime) -> Iterator[ShopFact]:
    """Money that was taken is refunded, money that was only reserved is let go."""
    for payment in state.payments:
        if payment.status == "captured":
            yield _next(payment, "refunded", at)
        elif payment.status == "authorized":
            yield _next(payment, "voided", at)


def _new(
    state: OrderState, source: Source, entity_id: str, status: str, *, at: datetime, details: dict[str, Value]
) -> ShopFact:
    order_id, customer_id = state.order.order_id, state.order.customer_id
    return ShopFact(source, entity_id, order_id, customer_id, 1, status, at, True, details)


def _next(fact: ShopFact, status: str, at: datetime) -> ShopFact:
    return replace(fact, version=fact.version + 1, status=status, occurred_at=at, time_known=True)


def _happens(what: str, rng: Random) -> bool:
    return rng.random() < _ODDS[what]


_STAGES: Mapping[str, Callable[[OrderState, Random, datetime], tuple[ShopFact, ...]]] = {
    "created": _pay,
    "approved": _prepare,
    "processing": _prepare,
    "invoiced": _prepare,
    "shipped": _carry,
    "delivered": _aftermath,
}
"""What goes on with an order, by its status; in the others money only goes back."""
