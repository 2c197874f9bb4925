"""The rows of the shop of shop.py.

Every value is written as both databases read it: dates, decimals, JSON and UUIDs as text. A table has the
same rows for the same number of order lines and seed.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

Row = tuple[Any, ...]

WORDS = (
    "red", "green", "blue", "small", "large", "round", "lamp", "chair", "table", "shelf", "cup",
    "plate", "fork",
    "żółty", "Straße", "日本", "🎺", "O'Brien", '"quoted"', "50%", "a_b", "back\\slash", "a,b",
    "<b>&amp;</b>",
)  # fmt: skip

TEXTS = (
    None, "", " ", "plain", "O'Brien", '"', "\\", "%_", "a,b;c", "=1+1", "line\nbreak",
    "tab\tbell\x07\x1b\x7f", "\r\n",
    "żółć", "日本語", "🎺👩‍👩‍👧", "e\u0301", "\u202eright to left",
    "</script><b>", "null", "NULL",
    "0", "'); DROP TABLE x;--",
    "long " * 2000, "\ufeff", "\u2028", "\ue000", "\U0010ffff",
)  # fmt: skip
"""Texts with nulls, an empty one, quotes, markup, control characters (no NUL) and all planes of Unicode."""

KEYS = (
    "plain", "with space", " leading", "trailing ", "a/b", "/etc/passwd", "..", ".", "a,b", ",", "100%",
    "%2F", "%252F",
    "a?b=c&d", "#hash", "a+b", "a;b", "'", '"', "\\", "żółć", "日本/語", "🎺", "", "line\nbreak",
    "null", "0", "TRUE", "-",
    "new", "a:b", "{}", "~", "a%", "a\tb",
)  # fmt: skip
"""Texts as keys: what has a meaning in a URL or in a key of several parts."""

FLOATS = (
    None, 0.0, -0.0, 0.1, 0.30000000000000004, 1 / 3, -2.5, 1e15, 123456789.12345679, 1e16, 1e22, 1e308,
    -1e308,
    1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 1e-7, 9007199254740993.0,
)  # fmt: skip

INTEGERS = (None, 0, 1, -1, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))

JSONS = (
    None, "null", "true", "0", '"text"', "[]", "{}", '[1, 2.5, null, "żółć", {"a": []}]',
    '{"b": 1, "a": {"deep": [{"x": "\\"quoted\\""}]}, "": "", "ż": "🎺"}', "12345678901234567890",
    "1e308", "0.1",
)  # fmt: skip


class Sizes(NamedTuple):
    """How many rows the tables have."""

    customers: int
    products: int
    categories: int
    orders: list[int]
    seed: int

    def random(self, table: str) -> random.Random:
        return random.Random(f"{self.seed} {table}")


def sizes(lines: int, seed: int) -> Sizes:
    """Return the sizes of a shop with that many order lines: 0 to 7 of them in an order."""
    orders: list[int] = []
    source, left = random.Random(f"{seed} sizes"), lines
    while left > 0 or not orders:
        orders.append(min(left, int(source.random() * 8)))
        left -= orders[-1]
    return Sizes(max(lines // 40, 10), max(lines // 100, 30), min(max(lines // 2000, 12), 300), orders, seed)


def _moment(source: random.Random) -> str:
    """Return a moment in the years 2023 and 2024; a tenth of all are the same."""
    if source.random() < 0.1:
        return "2024-02-29 12:00:00"
    year, month, day = (
        2023 + int(source.random() * 2),
        int(source.random() * 12) + 1,
        int(source.random() * 28) + 1,
    )
    hour, minute, fraction = (
        int(source.random() * 24),
        int(source.random() * 60),
        source.choice(("", ".5", ".000001", ".999999")),
    )
    return f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{int(source.random() * 60):02}{fraction}"


def _money(source: random.Random) -> str:
    return f"{int(source.random() * 500)}.{source.choice(('00', '50', '99', '99', '01'))}"


def _maybe(source: random.Random, value: Any, share: float = 0.3) -> Any:
    """Return ``value``, or None in ``share`` of the calls."""
    return None if source.random() < share else value


def categories(size: Sizes) -> Iterator[Row]:
    for id_ in range(1, size.categories + 1):
        yield id_, f"{WORDS[id_ % len(WORDS)]} {id_}", id_ // 3 or None


def products(size: Sizes) -> Iterator[Row]:
    source = size.random("products")
    for id_ in range(1, size.products + 1):
        name = " ".join(source.choices(WORDS, k=3))
        text = TEXTS[id_] if id_ < len(TEXTS) else _maybe(source, " ".join(source.choices(WORDS, k=12)))
        yield (
            id_, f"SKU-{id_:06}", name, text, _maybe(source, source.randint(1, size.categories), 0.1),
            _money(source),
            _maybe(source, source.choice((0.1, 0.25, 1.5, 12.0)), 0.2), source.choice((None, 0, 1, 12,
            12, 500)),
            source.random() < 0.8, _moment(source), source.choice(JSONS),
        )  # fmt: skip


def tags(size: Sizes) -> Iterator[Row]:
    yield from enumerate(WORDS, 1)


def product_tags(size: Sizes) -> Iterator[Row]:
    source = size.random("product_tags")
    for product in range(1, size.products + 1):
        for tag in sorted(source.sample(range(1, len(WORDS) + 1), source.choice((0, 0, 1, 2, 5)))):
            yield product, tag


def customers(size: Sizes) -> Iterator[Row]:
    source = size.random("customers")
    for id_ in range(1, size.customers + 1):
        text = TEXTS[id_] if id_ < len(TEXTS) else None
        name = (
            text[:80]
            if text is not None
            else f"{source.choice(WORDS).title()} {source.choice(WORDS).title()}"
        )
        yield (
            id_, name, _maybe(source, f"customer{id_}@example.org", 0.1), source.choice((None, "DE",
            "PL", "JP")),
            source.choice((None, "0", "0.1", "-12.50", "12345678901234.25")), source.choice((None, True,
            False, False)),
            _moment(source),
        )  # fmt: skip


def customer_profiles(size: Sizes) -> Iterator[Row]:
    source = size.random("profiles")
    for id_ in range(1, size.customers + 1, 2):
        photo = source.choice((None, b"", b"\x00\xff\x89PNG", bytes(range(256))))
        yield (
            id_, source.choice(TEXTS), source.choice((None, "1970-01-01", "2000-02-29", "1900-12-31")),
            source.choice((None, "00:00:00", "06:30:00", "23:59:59.999999")), photo,
        )  # fmt: skip


def addresses(size: Sizes) -> Iterator[Row]:
    source = size.random("addresses")
    for id_ in range(1, size.customers + 1):
        yield (
            id_,
            source.randint(1, size.customers),
            f"{source.choice(WORDS)} {id_}",
            source.choice(TEXTS[:6]),
        )


def orders(size: Sizes) -> Iterator[Row]:
    source = size.random("orders")
    random_, last = source.random, size.customers
    for id_ in range(1, len(size.orders) + 1):
        yield (
            id_, _maybe(source, int(random_() * last) + 1, 0.05), _maybe(source, int(random_() * last) + 1),
            _maybe(source, int(random_() * last) + 1), _maybe(source, _moment(source), 0.05),
            source.choice(("new", "paid", "paid", "sent", "returned")),
        )  # fmt: skip


def order_lines(size: Sizes) -> Iterator[Row]:
    random_, last = size.random("lines").random, size.products
    prices = [_money(size.random(f"price {n}")) for n in range(97)]
    discounts = (None, None, None, 0.0, 0.1, 0.25, 1 / 3)
    for order, lines in enumerate(size.orders, 1):
        for line in range(1, lines + 1):
            value = random_()
            product = int(value * last) + 1
            yield (
                order,
                line,
                product,
                int(value * 7919) % 9 + 1,
                prices[product % 97],
                discounts[int(value * 7907) % 7],
            )


def returns(size: Sizes) -> Iterator[Row]:
    id_ = 0
    for order, lines in enumerate(size.orders, 1):
        if lines and order % 50 == 1:
            id_ += 1
            yield id_, order, lines, TEXTS[id_ % 6]


def visits(size: Sizes) -> Iterator[Row]:
    source = size.random("visits")
    for _ in size.orders:
        customer = _maybe(source, source.randint(1, size.customers))
        yield (
            _moment(source),
            source.choice(("/", "/", "/cart", None)),
            customer,
            source.choice((None, 0.5, 12.25)),
        )


def vouchers(size: Sizes) -> Iterator[Row]:
    source = size.random("vouchers")
    for _ in range(50):
        yield (
            str(uuid.UUID(int=source.getrandbits(128))),
            source.randint(1, 100),
            _maybe(source, _moment(source)[:10]),
        )


def documents(size: Sizes) -> Iterator[Row]:
    for number, key in enumerate(KEYS):
        yield key, TEXTS[number % len(TEXTS)], INTEGERS[number % len(INTEGERS)]


def places(size: Sizes) -> Iterator[Row]:
    for number, key in enumerate(KEYS):
        yield key, KEYS[-number - 1], number % size.products + 1
        yield key, key + ",2", None


def group(size: Sizes) -> Iterator[Row]:
    for id_ in range(1, 21):
        yield id_, id_ % 5, f"{id_}.50", TEXTS[id_ % 6], id_ // 2 or None


def odd_names(size: Sizes) -> Iterator[Row]:
    for id_ in range(1, 6):
        texts = (f"{id_} {name}" for name in ("dot", "slash", "underscores", "percent", "quote", "żółć"))
        yield id_, *texts, id_, *"abcdef"


def events(size: Sizes) -> Iterator[Row]:
    source = size.random("events")
    for id_ in range(1, 101):
        yield id_, f"{source.randint(2022, 2026)}-06-{source.randint(1, 30):02}", source.choice(TEXTS[:8])


def spread(columns: dict[str, tuple[Any, ...]]) -> Iterator[Row]:
    """Yield rows of a key and columns until each column has had each value; the first row has nulls only."""
    yield 1, *([None] * len(columns))
    for number in range(max(map(len, columns.values()))):
        yield number + 2, *(values[number % len(values)] for values in columns.values())
