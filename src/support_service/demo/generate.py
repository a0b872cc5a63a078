"""A simulated shop of the last weeks: Vietnamese and English customers and their orders, in every state.

The same seed and `now` give the same shop, to the byte. Nobody in it exists: names are drawn from common given and
family names, mail addresses are of the domains kept for examples (RFC 2606), phone numbers of ranges that are kept for
fiction (United Kingdom, United States) or not in use (Vietnam's 095).
"""

import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from support_service.demo.facts import Customer, ShopFact
from support_service.demo.lifecycle import OrderState, advance, place_order, raise_alert, state_of

CUSTOMERS = 120
ORDERS = 300
DAYS = 42

_STUCK = 0.12
_SUSPICIOUS = 0.09
_LOOKED_INTO = 0.6
_MOST_STEPS = 100
_COUNTRIES = ("vi", "vi", "vi", "gb", "us")

_VIETNAMESE_FAMILIES = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Phan",
    "Vũ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
)
_VIETNAMESE_MIDDLES = ("Thị", "Văn", "Minh", "Thanh", "Ngọc", "Quốc", "Thu", "Đức", "Hữu", "Kim", "Gia", "Bảo")
_VIETNAMESE_GIVENS = (
    "An", "Bình", "Châu", "Dung", "Đạt", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hoa", "Hùng", "Hương", "Khánh", "Lan",
    "Linh", "Long", "Mai", "Nam", "Nga", "Nhung", "Oanh", "Phong", "Phúc", "Quân", "Quỳnh", "Sơn", "Thảo", "Trang",
    "Tú", "Tuấn", "Uyên", "Vân", "Việt", "Xuân", "Yến",
)  # fmt: skip
_VIETNAMESE_CITIES = (
    "Hà Nội",
    "TP. Hồ Chí Minh",
    "Đà Nẵng",
    "Hải Phòng",
    "Cần Thơ",
    "Huế",
    "Nha Trang",
    "Đà Lạt",
    "Vinh",
)
_ENGLISH_GIVENS = (
    "Alice", "Amir", "Beth", "Callum", "Chloe", "Daniel", "Dylan", "Eleanor", "Faith", "George", "Hannah", "Imran",
    "Isla", "Jack", "Jasmine", "Kofi", "Laura", "Leo", "Maya", "Nathan", "Olivia", "Owen", "Priya", "Ruby", "Samuel",
    "Sofia", "Tom", "Violet", "Will", "Zoe",
)  # fmt: skip
_ENGLISH_FAMILIES = (
    "Abbott", "Barker", "Bennett", "Clarke", "Dawson", "Ellis", "Fletcher", "Grant", "Hughes", "Iqbal", "Jennings",
    "Kaur", "Lawson", "Mensah", "Norris", "Osborne", "Patel", "Quinn", "Reid", "Sutton", "Turner", "Walsh", "Young",
)  # fmt: skip
_BRITISH_CITIES = ("London", "Manchester", "Bristol", "Leeds", "Glasgow", "Cardiff", "York")
_AMERICAN_CITIES = ("Austin, TX", "Portland, OR", "Chicago, IL", "Denver, CO", "Boston, MA")

_PAUSE_HOURS = {
    "created": 0.8,
    "approved": 4.0,
    "processing": 8.0,
    "invoiced": 12.0,
    "shipped": 20.0,
    "delivered": 30.0,
    "canceled": 24.0,
    "unavailable": 24.0,
}
"""About how long an order stays as it is before something more happens to it."""


def generate(seed: int, now: datetime) -> tuple[list[Customer], list[ShopFact]]:
    """A whole shop as of `now`.

    Args:
        seed: any integer; the same gives the same shop.
        now: aware, in UTC; nothing happens after it, and nothing more than `DAYS` before it.
    """
    rng = Random(f"shop:{seed}")  # a text, so that seeds that stand side by side have nothing in common
    customers = [_customer(number, rng) for number in range(1, CUSTOMERS + 1)]
    facts: list[ShopFact] = []
    for number in range(1, ORDERS + 1):
        # Squaring crowds the recent days: a support desk hears of them most.
        placed_at = now - timedelta(days=DAYS * rng.random() ** 2) - timedelta(minutes=rng.randint(1, 90))
        facts += _story(place_order(rng.choice(customers), f"SO-{100_000 + number}", rng, placed_at), rng, now)
    return customers, facts


def _story(placed: ShopFact, rng: Random, now: datetime) -> Iterator[ShopFact]:
    """Everything that happened to an order until now; some got stuck on the way, some while an alert is looked into."""
    yield placed
    facts = [placed]
    steps = rng.randint(2, 9) if rng.random() < _STUCK else _MOST_STEPS
    suspicious_at = rng.randint(2, 5) if rng.random() < _SUSPICIOUS else None
    looked_into = rng.random() < _LOOKED_INTO
    at = placed.occurred_at
    for step in range(steps):
        state = state_of(facts)
        at += _pause(state, rng)
        told = raise_alert(state, rng, at) if step == suspicious_at else advance(state, rng, at)
        if at > now or not told:
            return
        yield from told
        facts += told
        if step == suspicious_at and not looked_into:
            return


def _pause(state: OrderState, rng: Random) -> timedelta:
    hours = _PAUSE_HOURS[state.order.status] * rng.lognormvariate(0, 0.8)
    return timedelta(seconds=round(hours * 3600, 3))


def _customer(number: int, rng: Random) -> Customer:
    customer_id = f"C-{10_000 + number}"
    country = _COUNTRIES[number % len(_COUNTRIES)]
    if country == "vi":
        name = " ".join(map(rng.choice, (_VIETNAMESE_FAMILIES, _VIETNAMESE_MIDDLES, _VIETNAMESE_GIVENS)))
        phone = f"+8495{rng.randrange(10**7):07d}"
        return Customer(customer_id, name, _mail(name, number), phone, "vi", rng.choice(_VIETNAMESE_CITIES))
    name = f"{rng.choice(_ENGLISH_GIVENS)} {rng.choice(_ENGLISH_FAMILIES)}"
    if country == "gb":
        phone, city = f"+447700900{rng.randrange(1000):03d}", rng.choice(_BRITISH_CITIES)
    else:
        phone, city = f"+1{rng.choice((512, 312, 617))}55501{rng.randrange(100):02d}", rng.choice(_AMERICAN_CITIES)
    return Customer(customer_id, name, _mail(name, number), phone, "en", city)


def _mail(name: str, number: int) -> str:
    plain = unicodedata.normalize("NFD", name.replace("Đ", "D").replace("đ", "d"))
    letters = "".join(char for char in plain if char.isascii() and (char.isalpha() or char == " "))
    return f"{letters.lower().replace(' ', '.')}{number}@example.com"
