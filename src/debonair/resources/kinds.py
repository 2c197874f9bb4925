"""The kinds of values: how a column's values are written in JSON and read from JSON and from text.

A kind is chosen by the SQLAlchemy type of a column. Values pass these steps:

* out: value of the driver → SQLAlchemy's result processor → :attr:`Kind.dump` → orjson;
* in: member of JSON → :attr:`Kind.load`, or text of a query string → :attr:`Kind.parse` → bound parameter.
"""

from __future__ import annotations

import base64
import binascii
import enum
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from debonair.resources.documents import storable

Load = Callable[[Any], Any]

COMPARED = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "between", "isnull"))
TEXTUAL = COMPARED | {"like", "ilike", "contains", "startswith"}
EQUAL = frozenset(("eq", "ne", "in", "nin", "isnull"))
NULLNESS = frozenset(("isnull",))


@dataclass(frozen=True)
class Kind:
    """How values of a type are written and read.

    :param name: what the value is, in words for a message: "an integer".
    :param schema: its JSON Schema.
    :param load: returns the value for a member of JSON. :raises ValueError: with what is wrong.
    :param parse: returns the value for a text. :raises ValueError: with what is wrong.
    :param dump: returns what orjson writes, for a value that is not None; None when that is the value.
    :param from_text: returns the driver's value for PostgreSQL's text of it; None when JSON holds it exactly.
    :param operators: the filter operators that it has.
    """

    name: str
    schema: dict[str, Any]
    load: Load
    parse: Load
    dump: Load | None = None
    from_text: Load | None = None
    operators: frozenset[str] = field(default=COMPARED)


def kind_of(type_: TypeEngine[Any], backend: str = "sqlite") -> Kind:
    """Return the kind of values of a type.

    :param backend: the name of SQLAlchemy's dialect: the range of an integer depends on it.
    """
    while isinstance(type_, sa.types.TypeDecorator):
        if isinstance(type_.impl_instance, sa.types.PickleType):
            break
        type_ = type_.impl_instance
    for cls, make in _KINDS:
        if isinstance(type_, cls):
            return make(type_, backend)
    return _text(type_, backend)


def _boolean(type_: Any, backend: str) -> Kind:
    return Kind(
        "true or false", {"type": "boolean"}, _strict(bool, "true or false"), _parse_boolean,
        operators=COMPARED,
    )  # fmt: skip


def _integer(type_: Any, backend: str) -> Kind:
    bits = 64
    if backend == "postgresql" and not isinstance(type_, sa.BigInteger):
        bits = 16 if isinstance(type_, sa.SmallInteger) else 32
    bound = 2 ** (bits - 1)

    def check(value: int) -> int:
        if not -bound <= value < bound:
            raise ValueError(f"must be from {-bound} to {bound - 1}")
        return value

    def load(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be an integer")
        return check(value)

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,19}", text):
            raise ValueError("must be an integer")
        return check(int(text))

    schema = {"type": "integer", "minimum": -bound, "maximum": bound - 1}
    return Kind("an integer", schema, load, parse)


def _float(type_: Any, backend: str) -> Kind:
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


def _decimal(type_: Any, backend: str) -> Kind:
    if not type_.asdecimal:
        return _float(type_, backend)

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


def _text(type_: Any, backend: str) -> Kind:
    longest = getattr(type_, "length", None)

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        if "\x00" in value:
            raise ValueError("must not contain the character NUL")
        if not value.isascii() and re.search("[\ud800-\udfff]", value):
            raise ValueError("must not contain half of a surrogate pair")
        if longest is not None and len(value) > longest:
            raise ValueError(f"must have at most {longest} characters")
        return value

    schema = {"type": "string"} | ({"maxLength": longest} if longest else {})
    return Kind("a string", schema, check, check, operators=TEXTUAL)


def _enumeration(type_: Any, backend: str) -> Kind:
    names = list(type_.enums)
    members = type_.enum_class.__members__ if type_.enum_class else None
    if members is not None and not set(names) <= set(members):
        # The type stores values; JSON has names, as marshmallow's Enum field.
        names = list(members)

    def load(value: Any) -> Any:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value if members is None else members[value]

    dump = None if members is None else lambda value: value.name if isinstance(value, enum.Enum) else value
    return Kind(
        "one of " + ", ".join(names), {"type": "string", "enum": names}, load, load, dump, from_text=str
    )


def _moment(cls: type[date] | type[time], name: str, format_: str) -> Callable[[Any, str], Kind]:
    def make(type_: Any, backend: str) -> Kind:
        def parse(text: Any) -> Any:
            if not isinstance(text, str):
                raise ValueError(f"must be {name} in ISO 8601, as a string")
            try:
                # A "+" that is not encoded in a query string arrives as a space.
                value: Any = cls.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
            except ValueError:
                raise ValueError(f"must be {name} in ISO 8601") from None
            if isinstance(value, datetime):
                value = value if value.tzinfo is None else _in_utc(value)
                if not getattr(type_, "timezone", False):
                    return value.replace(tzinfo=None)
                return value.replace(tzinfo=UTC) if value.tzinfo is None else value
            return value

        def from_text(text: str) -> Any:
            try:
                return cls.fromisoformat(text)
            except ValueError:
                return text  # infinity, or a year before Christ

        local = cls is not date and (backend == "sqlite" or not getattr(type_, "timezone", False))
        schema = {"type": "string", "format": f"{format_}-local" if local else format_}
        return Kind(name, schema, parse, parse, None, from_text)

    return make


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be from the year 1 to 9999 in UTC") from None


def _interval(type_: Any, backend: str) -> Kind:
    def load(value: Any) -> timedelta:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a number of seconds")
        return parse(value)

    def parse(value: Any) -> timedelta:
        try:
            return timedelta(seconds=float(value))
        except (ValueError, OverflowError):
            raise ValueError("must be a number of seconds") from None

    return Kind(
        "a number of seconds", {"type": "number"}, load, parse, timedelta.total_seconds,
        from_text=lambda text: timedelta(seconds=float(text)),
    )  # fmt: skip


def _uuid(type_: Any, backend: str) -> Kind:
    def parse(value: Any) -> Any:
        try:
            found = uuid.UUID(value if isinstance(value, str) else "")
        except ValueError:
            raise ValueError("must be a UUID") from None
        return found if type_.as_uuid else str(found)

    return Kind("a UUID", {"type": "string", "format": "uuid"}, parse, parse, from_text=str)


def _binary(type_: Any, backend: str) -> Kind:
    def parse(value: Any) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise ValueError("must be binary data in base64") from None

    def dump(value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value

    schema = {"type": "string", "contentEncoding": "base64"}
    return Kind("base64", schema, parse, parse, dump, bytes.fromhex, EQUAL)


def _json(type_: Any, backend: str) -> Kind:
    def parse(text: Any) -> Any:
        raise ValueError("cannot be compared")

    return Kind("any JSON", {}, storable, parse, operators=NULLNESS)


def _array(type_: Any, backend: str) -> Kind:
    item = kind_of(type_.item_type, backend)

    def load(value: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError("must be an array")
        return [
            None if part is None else load(part) if isinstance(part, list) else item.load(part)
            for part in value
        ]

    def dump(value: Any) -> Any:
        return [dump(part) if isinstance(part, list) else _dumped(item, part) for part in value]

    def parse(text: Any) -> Any:
        raise ValueError("cannot be compared")

    schema = {"type": "array", "items": item.schema}
    return Kind("an array", schema, load, parse, dump if item.dump else None, operators=NULLNESS)


def _dumped(kind: Kind, value: Any) -> Any:
    return value if value is None or kind.dump is None else kind.dump(value)


_KINDS: tuple[tuple[Any, Callable[[Any, str], Kind]], ...] = (
    (sa.Boolean, _boolean),
    (sa.Enum, _enumeration),
    (sa.Integer, _integer),
    (sa.Float, _float),
    (sa.Numeric, _decimal),
    (sa.DateTime, _moment(datetime, "a date and time", "date-time")),
    (sa.Date, _moment(date, "a date", "date")),
    (sa.Time, _moment(time, "a time", "time")),
    (sa.Interval, _interval),
    (sa.Uuid, _uuid),
    (sa.LargeBinary, _binary),
    (sa.JSON, _json),
    (sa.ARRAY, _array),
)
"""The kinds by type; the first that fits. Every other type is text."""
