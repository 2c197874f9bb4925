"""The kinds of values: how a column's values are written in JSON and read from JSON and from text.

A kind is chosen by the SQLAlchemy type of a column. Values pass these steps:

* out: value of the driver → SQLAlchemy's result processor → :attr:`Kind.dump` → orjson;
* in: member of JSON → :attr:`Kind.load`, or text of a query string → :attr:`Kind.parse` → bound parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from debonair.database import postgresql
from debonair.descriptions.kind import COMPARED as COMPARED
from debonair.descriptions.kind import EQUAL as EQUAL
from debonair.descriptions.kind import NULLNESS as NULLNESS
from debonair.descriptions.kind import TEXTUAL as TEXTUAL
from debonair.descriptions.kind import Kind as Kind
from debonair.descriptions.kinds_of_moments import interval_kind, moment_kind
from debonair.descriptions.kinds_of_numbers import boolean_kind, decimal_kind, float_kind, integer_kind
from debonair.descriptions.kinds_of_text import (
    binary_kind,
    enumeration_kind,
    json_kind,
    text_kind,
    undeclared_kind,
    uuid_kind,
)


def kind_of(type_: TypeEngine[Any], backend: str = "sqlite") -> Kind:
    """Return the kind of values of a type.

    :param backend: the name of SQLAlchemy's dialect: the range of an integer depends on it.
    """
    # Interval is a TypeDecorator of SQLAlchemy's own, whose values are no datetimes.
    while isinstance(type_, sa.types.TypeDecorator) and not isinstance(type_, sa.Interval):
        if isinstance(type_.impl_instance, sa.types.PickleType):
            break
        type_ = type_.impl_instance
    while postgresql.is_type(type_, "DOMAIN"):
        type_ = type_.data_type
    if postgresql.is_type(type_, "HSTORE"):
        return json_kind(type_, backend)
    for cls, make in _KINDS:
        if isinstance(type_, cls):
            return make(type_, backend)
    return text_kind(type_, backend)


def array_kind(type_: Any, backend: str) -> Kind:
    """Return the kind of arrays; their items have a kind of their own."""

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

    def from_text(value: Any) -> Any:
        return [
            part if part is None else from_text(part) if isinstance(part, list) else _read(item, part)
            for part in value
        ]

    schema = {"type": "array", "items": item.schema}
    reads, writes = from_text if item.from_text else None, dump if item.dump else None
    return Kind("an array", schema, load, parse, writes, reads, NULLNESS, item.as_text)


def _read(kind: Kind, text: str) -> Any:
    return text if kind.from_text is None else kind.from_text(text)


def _dumped(kind: Kind, value: Any) -> Any:
    return value if value is None or kind.dump is None else kind.dump(value)


_KINDS: tuple[tuple[Any, Callable[[Any, str], Kind]], ...] = (
    (sa.Boolean, boolean_kind),
    (sa.Enum, enumeration_kind),
    (sa.Integer, integer_kind),
    (sa.Float, float_kind),
    (sa.Numeric, decimal_kind),
    (sa.DateTime, moment_kind(datetime, "a date and time", "date-time")),
    (sa.Date, moment_kind(date, "a date", "date")),
    (sa.Time, moment_kind(time, "a time", "time")),
    (sa.Interval, interval_kind),
    (sa.Uuid, uuid_kind),
    (sa.LargeBinary, binary_kind),
    (sa.JSON, json_kind),
    (sa.ARRAY, array_kind),
    (sa.types.NullType, undeclared_kind),
)
"""The kinds by type; the first that fits. Every other type is text."""
