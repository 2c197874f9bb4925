"""Types for columns whose values may be of another type than declared, or have no type in Python.

SQLite stores any value in any column. The types here convert a value of the declared type, and return every
other value as it is stored, so that no value makes a row unreadable.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Dialect, types
from sqlalchemy.types import TypeDecorator, TypeEngine

Convert = Callable[[Any], Any]


class AsStored(TypeDecorator[Any]):
    """Values pass as they are, in both directions: for a column without a declared type."""

    impl: Any = types.NullType
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        """Any type."""
        return object

    def bind_processor(self, dialect: Dialect) -> Convert | None:
        """Return the conversion of a value for the database."""
        return self.bound

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert | None:
        """Return the conversion of a value from the database."""
        return self.read

    def bound(self, value: Any) -> Any:
        """Return what is stored for a value."""
        return value

    def read(self, value: Any) -> Any:
        """Return the value of what is stored, or what is stored when it is not of the type."""
        return value

    def read_column(self, values: Sequence[Any]) -> list[Any] | None:
        """Return the values of a whole column as :meth:`read` and orjson make them, in less time.

        :param values: none of them None. :raises TypeError: likewise ValueError, LookupError: as for None.
        :return: None when they cannot be read at once, such as when one is not of the type.
        """
        return None


class StoredBoolean(AsStored):
    """0 and 1 are false and true."""

    impl = types.Boolean
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return bool

    def bound(self, value: Any) -> Any:
        return int(value) if isinstance(value, bool) else value

    def read(self, value: Any) -> Any:
        return bool(value) if value in (0, 1) and isinstance(value, int) else value

    def read_column(self, values: Sequence[Any]) -> list[Any] | None:
        is_ours = set(map(type, values)) == {int} and set(values) <= {0, 1}
        return list(map(bool, values)) if is_ours else None


class StoredNumeric(AsStored):
    """A number is a decimal with the shortest digits that stand for it."""

    impl = types.Numeric
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return Decimal

    def bound(self, value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        if not value.is_finite():
            return str(value)
        # SQLite has 64 bits for a whole number and a float for others; more digits are kept as text.
        if value == value.to_integral_value() and abs(value) < 2**63:
            return int(value)
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)

    def read(self, value: Any) -> Any:
        if isinstance(value, (int, float)):
            return Decimal(repr(value))
        if isinstance(value, str):
            try:
                return Decimal(value)
            except InvalidOperation:
                return value
        return value

    def read_column(self, values: Sequence[Any]) -> list[Any] | None:
        found = list(map(repr, values))
        # An exponent, infinity, the quotes of a text or of bytes.
        return found if {"e", "n", "'", '"'}.isdisjoint("".join(found)) else None


class StoredBinary(AsStored):
    """A BLOB is bytes."""

    impl = types.LargeBinary
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return bytes


class StoredJSON(AsStored):
    """Text that is JSON is the value that it stands for."""

    impl = types.JSON
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return dict

    def bound(self, value: Any) -> Any:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def read(self, value: Any) -> Any:
        if isinstance(value, (str, bytes)):
            try:
                return json.loads(value)
            except ValueError:
                return value
        return value


class StoredDate(AsStored):
    """``YYYY-MM-DD`` is a date."""

    impl = types.Date
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return dt.date

    def bound(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.date) else value

    def read(self, value: Any) -> Any:
        return _parsed(dt.date.fromisoformat, value) if _is_dated(value) and len(value) == 10 else value

    def read_column(self, values: Sequence[Any]) -> list[Any] | None:
        is_ours = set(map(len, values)) == {10} and _all_dated(values)
        return list(map(dt.date.fromisoformat, values)) if is_ours else None


class StoredTime(AsStored):
    """``HH:MM`` with or without seconds and their fraction is a time."""

    impl = types.Time
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return dt.time

    def bound(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.time) else value

    def read(self, value: Any) -> Any:
        timed = isinstance(value, str) and value[2:3] == ":"
        return _parsed(dt.time.fromisoformat, value) if timed else value


class StoredDateTime(AsStored):
    """Text of ISO 8601 with date and time is a datetime.

    :param separator: what stands between date and time in the database, ``T`` or a space.
    :param timespec: the precision that is stored, as ``datetime.isoformat`` has it. Both decide whether a
        value that is searched equals the one that is stored.
    """

    impl = types.DateTime
    cache_ok = True

    def __init__(self, separator: str = " ", timespec: str = "auto") -> None:
        super().__init__()
        self.separator = separator
        self.timespec = timespec

    @classmethod
    def like(cls, value: Any) -> StoredDateTime:
        """Return the type of a column that holds the value."""
        if not _is_dated(value) or len(value) < 16:
            return cls()
        fraction = len(value.partition(".")[2].rstrip("Z").partition("+")[0])
        timespec = {3: "milliseconds", 6: "microseconds"}.get(fraction, "auto")
        return cls("T" if value[10] == "T" else " ", timespec)

    @property
    def python_type(self) -> type[Any]:
        return dt.datetime

    def bound(self, value: Any) -> Any:
        return value.isoformat(self.separator, self.timespec) if isinstance(value, dt.datetime) else value

    def read(self, value: Any) -> Any:
        return _parsed(dt.datetime.fromisoformat, value) if _is_dated(value) and len(value) >= 16 else value

    def read_column(self, values: Sequence[Any]) -> list[Any] | None:
        is_ours = min(map(len, values)) >= 16 and _all_dated(values)
        return list(map(dt.datetime.fromisoformat, values)) if is_ours else None


def _is_dated(value: Any) -> bool:
    # Not every text that fromisoformat accepts: 20240101 and 2024-W01-1 stay as they are.
    return isinstance(value, str) and len(value) >= 10 and value[4] == value[7] == "-"


def _all_dated(values: Sequence[str]) -> bool:
    return [value[4:8:3] for value in values].count("--") == len(values)


def _parsed(parse: Convert, value: str) -> Any:
    try:
        return parse(value)
    except ValueError:
        return value


def type_of_sqlite(declared: str) -> TypeEngine[Any]:
    """Return the type of a column of SQLite from the type that it is declared with.

    Lengths are not enforced by SQLite, so they are not in the result.
    """
    upper = declared.upper()
    for words, kind in _SQLITE.items():
        if any(word in upper for word in words.split()):
            return kind()
    return AsStored()


_SQLITE: dict[str, type[TypeEngine[Any]]] = {
    # The first that fits decides; the order is that of SQLite's affinities, after the types that it has not.
    "BOOL": StoredBoolean,
    "DATETIME TIMESTAMP": StoredDateTime,
    "DATE": StoredDate,
    "TIME": StoredTime,
    "JSON": StoredJSON,
    "INT": types.BigInteger,
    "CHAR CLOB TEXT": types.Text,
    "BLOB": StoredBinary,
    "REAL FLOA DOUB": types.Float,
    "NUM DEC": StoredNumeric,
}
