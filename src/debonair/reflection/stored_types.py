"""Types for columns whose values may be of another type than declared, or have no type in Python.

SQLite stores any value in any column. The types here convert a value of the declared type, and return every
other value as it is stored, so that no value makes a row unreadable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Dialect, Text, case, cast, func, literal_column, types
from sqlalchemy.types import TypeDecorator

from debonair.statements.operators import compared

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


class Undeclared(AsStored):
    """A column without a declared type, such as one that a view computes: it holds numbers and text."""

    cache_ok = True

    def filtered(self, column: Any, operator: str, binds: list[Any]) -> Any:
        """Return a comparison in which the parameter 5 equals the number 5 and the text ``5``."""
        is_text = func.typeof(column) == literal_column("'text'")
        return compared(column, operator, [case((is_text, cast(bind, Text())), else_=bind) for bind in binds])


class StoredBoolean(AsStored):
    """0 and 1 are false and true.

    :param texts: what is stored instead of them, as older versions of Rails store ``f`` and ``t``.
    """

    impl = types.Boolean
    cache_ok = True

    def __init__(self, texts: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.texts = texts

    @classmethod
    def like(cls, value: Any) -> StoredBoolean:
        """Return the type of a column that holds the value."""
        texts = next((pair for pair in (("f", "t"), ("false", "true")) if value in pair), None)
        return cls(texts)

    @property
    def python_type(self) -> type[Any]:
        return bool

    def bound(self, value: Any) -> Any:
        if not isinstance(value, bool):
            return value
        return int(value) if self.texts is None else self.texts[value]

    def read(self, value: Any) -> Any:
        if self.texts is not None and value in self.texts:
            return value == self.texts[1]
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
