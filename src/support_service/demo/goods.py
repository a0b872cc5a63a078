"""What the simulated shop deals in, by the currency its customers pay in. Sellers are invented."""

from collections.abc import Mapping

PRICES: Mapping[str, tuple[int, int, int]] = {
    "VND": (79_000, 2_490_000, 1_000),
    "GBP": (499, 18_999, 50),
    "USD": (599, 21_999, 100),
    "BRL": (1_990, 39_990, 10),
}
"""Lowest and highest price of an item and the step between, in minor units; the dong has none smaller."""

METHODS: Mapping[str, tuple[str, ...]] = {
    "VND": ("credit_card", "bank_transfer", "e_wallet", "cash_on_delivery"),
    "GBP": ("credit_card", "debit_card", "paypal"),
    "USD": ("credit_card", "debit_card", "paypal"),
    "BRL": ("credit_card", "boleto", "debit_card"),
}

CARRIERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "VND": (("Giao Hàng Nhanh", "GHN"), ("Viettel Post", "VTP"), ("J&T Express", "JT")),
    "GBP": (("Royal Mail", "RM"), ("Evri", "H0"), ("DPD", "15")),
    "USD": (("UPS", "1Z"), ("FedEx", "FX"), ("USPS", "94")),
    "BRL": (("Correios", "BR"), ("Jadlog", "JL")),
}
"""Carrier and how its tracking numbers begin."""

SELLERS: Mapping[str, tuple[str, ...]] = {
    "VND": ("Bếp Nhà Mây", "Gốm Sông Lam", "Điện Máy Hoa Ban", "Vải Lụa Thu Vàng", "Đồ Chơi Cá Chép"),
    "GBP": ("Northgate Audio", "Tidewater Kitchen", "Fern & Flint", "Loom Street", "Paper Lantern Toys"),
    "USD": ("Copper Basin Tools", "Harbor Light Home", "Fern & Flint", "Juniper Outdoor", "Paper Lantern Toys"),
    "BRL": ("Casa do Ipê", "Lojas Maré Alta", "Oficina Jacarandá"),
}

RULES = ("velocity", "card_country_mismatch", "address_mismatch", "high_value_first_order", "many_cards_one_device")

_VIETNAMESE: Mapping[int, tuple[tuple[str | None, str | None], ...]] = {
    1: (
        ("Rất thất vọng", "Hàng bị vỡ khi giao đến, hộp móp méo hết. Mình muốn đổi trả."),
        (None, "Giao sai màu, gọi tổng đài mãi không ai nghe máy."),
    ),
    2: (("Chưa ổn", "Giao trễ bốn ngày so với hẹn.\nĐóng gói sơ sài."), (None, None)),
    3: (("Tạm được", "Chất lượng ổn so với giá tiền, giao hơi lâu."), (None, None)),
    4: (("Tốt", "Sản phẩm đúng mô tả, shipper thân thiện."), (None, "Đóng gói cẩn thận.")),
    5: (("Tuyệt vời", "Giao nhanh, hàng đẹp hơn trong ảnh. Sẽ ủng hộ tiếp!"), (None, "Rất hài lòng."), (None, None)),
}
_ENGLISH: Mapping[int, tuple[tuple[str | None, str | None], ...]] = {
    1: (
        ("Arrived broken", "The box was crushed and the lamp inside is in pieces. I want my money back."),
        (None, "Wrong size, and nobody answers the phone."),
    ),
    2: (("Late", "Four days later than promised.\nPackaging was thin, too."), (None, None)),
    3: (("Okay", "Does the job for the price."), (None, None)),
    4: (("Good", "As described. The driver even rang the bell."), (None, "Well packed.")),
    5: (("Lovely", "Quick delivery and nicer than in the pictures."), (None, "Very happy with it."), (None, None)),
}
_PORTUGUESE: Mapping[int, tuple[tuple[str | None, str | None], ...]] = {
    1: (("Não recomendo", "O produto chegou quebrado e a caixa amassada."), (None, "Veio errado.")),
    2: (("Atrasou", "Chegou quatro dias depois do prazo."), (None, None)),
    3: (("Regular", "Cumpre o que promete."), (None, None)),
    4: (("Bom", "Produto conforme anunciado."), (None, None)),
    5: (("Ótimo", "Entrega rápida, recomendo."), (None, None)),
}

COMMENTS: Mapping[str, Mapping[int, tuple[tuple[str | None, str | None], ...]]] = {
    "VND": _VIETNAMESE,
    "GBP": _ENGLISH,
    "USD": _ENGLISH,
    "BRL": _PORTUGUESE,
}
"""Titles and texts of reviews by score; many customers only tick the stars."""
