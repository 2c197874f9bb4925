"""The kinds of Booleans and numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from debonair.descriptions.kind import COMPARED, Kind, Load


def boolean_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of Booleans."""

    return Kind(
        "true or false", {"type": "boolean"}, _strict(bool, "true or false"), _parse_boolean,
        operators=COMPARED,
    )  # fmt: skip


_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_WHOLE = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?(?:[eE][+-]?[0-9]{1,2})?")


def whole_of(text: str) -> int:
    """Return the integer that a text holds, also as JSON may write it: ``404.0``, ``4.04e2``.

    JSON Schema counts every number without a fraction as an integer (JSON Schema Validation, 6.1.1).

    :raises ValueError: when it is none, or has more than 19 digits.
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    number = Decimal(text) if _WHOLE.fullmatch(text) else Decimal("NaN")
    if not number.is_finite() or number != number.to_integral_value() or (number and number.adjusted() > 18):
        raise ValueError("must be an integer")
    return int(number)


def integer_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of integers; their range is that of the column."""

    bits = 64
    if backend == "postgresql" and not isinstance(type_, sa.BigInteger):
        bits = 16 if isinstance(type_, sa.SmallInteger) else 32
    bound = 2 ** (bits - 1)

    def check(value: int) -> int:
        if not -bound <= value < bound:
            raise ValueError(f"must be from {-bound} to {bound - 1}")
        return value

    def load(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has one type of numbers.
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be an integer")
        return check(value)

    def parse(text: str) -> int:
        return check(whole_of(text))

    schema = {"type": "integer", "minimum": -bound, "maximum": bound - 1}
    return Kind("an integer", schema, load, parse)


def float_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of floating-point numbers."""

    def load(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a number")
        return finite(value)

    def finite(value: Any) -> float:
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ValueError("must be a number") from None
        if not math.isfinite(number):
            raise ValueError("must be a finite number")
        return number

    return Kind("a number", {"type": "number"}, load, finite, from_text=float)


_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


def decimal_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of decimal numbers."""

    if not type_.asdecimal:
        return float_kind(type_, backend)

    def load(value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("must be a decimal number, as a string")
        return parse(str(value))

    def parse(text: str) -> Decimal:
        # Decimal itself takes underscores, spaces and the digits of other scripts too.
        if not _DECIMAL.fullmatch(text):
            raise ValueError("must be a decimal number")
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ValueError("must be a decimal number") from None
        if not number.is_finite():
            raise ValueError("must be a finite decimal number")
        whole = type_.precision - (type_.scale or 0) if type_.precision else 200
        if number.adjusted() >= max(whole, 1) and number:
            raise ValueError(f"must have at most {whole} digits before the point")
        return number

    return Kind(
        "a decimal number", {"type": "string", "format": "decimal"}, load, parse, str, from_text=Decimal
    )


def _strict(cls: type, name: str) -> Load:
    def load(value: Any) -> Any:
        if not isinstance(value, cls):
            raise ValueError(f"must be {name}")
        return value

    return load


def _parse_boolean(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise ValueError("must be true or false")
