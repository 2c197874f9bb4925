"""Types for columns of SQLite that hold dates and times, as text in one of several forms.

Equal moments may be stored as different texts in one column: Django and Python write a fraction of a second
only when there is one, and a date may stand for its midnight. The texts of a moment lie between its shortest
form and that form with zeros up to microseconds, and no others do. So a filter is a comparison with one of
the two, which an index serves.

Of a date and time there are two such ranges, as ``T`` or a space may separate them, in one column too. Those
of one day lie side by side: a comparison of order takes a range from the index that ends at the further one,
and leaves out what of that day does not fulfil it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Dialect, and_, func, literal_column, not_, or_, type_coerce, types
from sqlalchemy.types import TypeDecorator, TypeEngine

from debonair.reflection.stored_types import (
    AsStored,
    StoredBinary,
    StoredBoolean,
    StoredJSON,
    StoredNumeric,
    Undeclared,
)
from debonair.statements.operators import compared


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


class _Filtered(AsStored):
    """Text that may have several forms; see the module."""

    cache_ok = True
    zeros = ""

    def short(self, value: Any) -> Any:
        """Return the shortest form of a value."""
        return value

    def filtered(self, column: Any, operator: str, binds: list[Any]) -> Any:
        """Return the SQL of a filter operator, for values in any form."""
        lows = [type_coerce(bind, _Shortest(self)) for bind in binds]
        highs = [self._high(low) for low in lows]
        if operator in ("eq", "in"):
            return or_(*(column.between(low, high) for low, high in zip(lows, highs, strict=True)))
        if operator in ("ne", "nin"):
            return and_(*(~column.between(low, high) for low, high in zip(lows, highs, strict=True)))
        if operator == "between":
            return column.between(lows[0], highs[1])
        return compared(column, operator, highs if operator in ("gt", "le") else lows)

    def _high(self, low: Any) -> Any:
        """Return the longest form of a moment, by the shortest."""
        return low.concat(func.substr(literal_column(f"'{self.zeros}'"), func.length(low) + 1))


class _Shortest(TypeDecorator[Any]):
    """The type of a parameter that is bound in its shortest form."""

    impl = types.Text
    cache_ok = True

    def __init__(self, of: _Filtered) -> None:
        super().__init__()
        self.of = of

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return the conversion of a value for the database."""
        return self.of.short


class StoredTime(_Filtered):
    """``HH:MM`` with or without seconds and their fraction is a time."""

    impl = types.Time
    cache_ok = True
    zeros = "00:00:00.000000"

    @property
    def python_type(self) -> type[Any]:
        return dt.time

    def bound(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.time) else value

    def short(self, value: Any) -> Any:
        return _short_time(value) if isinstance(value, dt.time) else value

    def read(self, value: Any) -> Any:
        timed = isinstance(value, str) and value[2:3] == ":"
        return _parsed(dt.time.fromisoformat, value) if timed else value


class StoredDateTime(_Filtered):
    """Text of ISO 8601 with date and time is a datetime.

    :param separator: what stands between date and time in the database, ``T`` or a space.
    :param timespec: the precision that is stored, as ``datetime.isoformat`` has it, or ``date`` where a date
        stands for its midnight. :param suffix: what follows the time: ``Z``, ``+00:00`` or nothing.
    """

    impl = types.DateTime
    cache_ok = True

    def __init__(self, separator: str = " ", timespec: str = "auto", suffix: str = "") -> None:
        super().__init__()
        self.separator = separator
        self.timespec = timespec
        self.suffix = suffix

    @property
    def zeros(self) -> str:  # type: ignore[override]
        return f"0000-00-00 00:00:00.000000{self.suffix}"

    def filtered(self, column: Any, operator: str, binds: list[Any]) -> Any:
        """Return the SQL of a filter operator, for values in any form and with either separator."""
        if self.suffix == "Z":
            # "Z" sorts after the point of a fraction: the forms of one moment lie not side by side.
            return compared(column, operator, binds)
        lows = [type_coerce(bind, _Shortest(self)) for bind in binds]
        if operator == "between":
            return and_(self._ordered(column, "ge", lows[0]), self._ordered(column, "le", lows[1]))
        if operator in ("eq", "in", "ne", "nin"):
            equal = [self._equal(column, low) for low in lows]
            return or_(*equal) if operator in ("eq", "in") else and_(*(not_(each) for each in equal))
        return self._ordered(column, operator, lows[0])

    def _equal(self, column: Any, low: Any) -> Any:
        spaced, with_t = (column.between(*ends) for ends in self._ranges(low))
        # Not or_, which SQLAlchemy would join with that of 500 values: SQLite takes 1,000 in a row at most.
        return spaced.self_group().bool_op("OR")(with_t.self_group())

    def _ranges(self, low: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Return the shortest and the longest form with a space, and those with ``T``."""
        high = self._high(low)
        timed = low.concat(func.substr(literal_column("' 00:00'"), func.length(low) - 9))
        return (low, high), (func.replace(timed, " ", "T"), func.replace(high, " ", "T"))

    def _ordered(self, column: Any, operator: str, low: Any) -> Any:
        (spaced_low, spaced_high), (low_t, high_t) = self._ranges(low)
        # This text lies between the forms of the day with a space and those with T.
        between = func.substr(low, 1, 10).concat("T")
        if operator == "gt":
            return and_(column > spaced_high, or_(column > high_t, column < between))
        if operator == "ge":
            return and_(column >= spaced_low, or_(column >= low_t, column < between))
        if operator == "lt":
            return and_(column < low_t, or_(column < spaced_low, column > between))
        return and_(column <= high_t, or_(column <= spaced_high, column > between))

    @classmethod
    def like(cls, value: Any) -> TypeEngine[Any]:
        """Return the type of a column that holds the value: numbers count seconds or days from an epoch."""
        if isinstance(value, int | float):
            return types.BigInteger() if isinstance(value, int) else types.Float()
        if not _is_dated(value):
            return cls()
        if len(value) == 10:
            return cls(timespec="date")
        suffix = next((end for end in ("Z", "+00:00") if value.endswith(end)), "")
        fraction = len(value.removesuffix(suffix).partition(".")[2])
        timespec = {3: "milliseconds", 6: "microseconds"}.get(fraction, "auto")
        return cls("T" if value[10] == "T" else " ", timespec, suffix)

    @property
    def python_type(self) -> type[Any]:
        return dt.datetime

    def bound(self, value: Any) -> Any:
        if not isinstance(value, dt.datetime):
            return value
        if self.timespec == "date":
            return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
        return value.isoformat(self.separator, self.timespec) + self.suffix

    def short(self, value: Any) -> Any:
        if not isinstance(value, dt.datetime):
            return value
        day = value.date().isoformat()
        return day if value.time() == dt.time() else f"{day} {_short_time(value.time())}"

    def read(self, value: Any) -> Any:
        return _parsed(dt.datetime.fromisoformat, value) if _is_dated(value) and len(value) >= 16 else value

    def read_column(self, values: Sequence[Any]) -> list[Any] | None:
        is_ours = min(map(len, values)) >= 16 and _all_dated(values)
        return list(map(dt.datetime.fromisoformat, values)) if is_ours else None


def _short_time(value: dt.time) -> str:
    """Return a time without the seconds and the digits of their fraction that are zero at its end."""
    if value.microsecond:
        return value.isoformat("microseconds").rstrip("0")
    return value.isoformat("seconds" if value.second else "minutes")


def _is_dated(value: Any) -> bool:
    # Not every text that fromisoformat accepts: 20240101 and 2024-W01-1 stay as they are.
    return isinstance(value, str) and len(value) >= 10 and value[4] == value[7] == "-"


def _all_dated(values: Sequence[str]) -> bool:
    return [value[4:8:3] for value in values].count("--") == len(values)


def _parsed(parse: Callable[[Any], Any], value: str) -> Any:
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
    return Undeclared()


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
