"""Types for columns whose values may be of another type than declared, or have no type in Python.

SQLite stores any value in any column. The types here convert a value of the declared type, and return every
other value as it is stored, so that no value makes a row unreadable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Text, case, cast, func, literal_column, type_coerce, types
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import TypeDecorator, UserDefinedType

Convert = Callable[[Any], Any]

_COMPARISONS: dict[str, Callable[..., Any]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "in": lambda column, *values: column.in_(values),
    "nin": lambda column, *values: column.not_in(values),
    "between": lambda column, low, high: column.between(low, high),
}


def compared(column: Any, operator: str, values: list[Any]) -> Any:
    """Return the SQL of a filter operator."""
    return _COMPARISONS[operator](column, *values)


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


class _Named(UserDefinedType[Any]):
    """A type of the database by its name in SQL."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


class AsText(TypeDecorator[str]):
    """A type of PostgreSQL that is read and written as its text, and compared and sorted as that text.

    So every such type can be filtered, also one that has no operator for equality.

    :param name: the type in SQL, such as ``inet`` or ``numrange[]``.
    """

    impl = types.Text
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @property
    def is_name(self) -> bool:
        """Whether a value is the name of an object of the database, as of ``regclass``."""
        return self.name.startswith("reg")

    @property
    def python_type(self) -> type[Any]:
        return str

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the text of a column that is selected."""
        return cast(column, Text())

    def bind_expression(self, bindvalue: BindParameter[Any]) -> ColumnElement[Any]:
        """Return the value of the type from the text that is passed."""
        return cast(cast(bindvalue, Text()), _Named(self.name))

    class Comparator(TypeDecorator.Comparator[str]):
        """Operators that compare texts."""

        def operate(self, op: Any, *other: Any, **options: Any) -> Any:
            is_name = isinstance(self.type, AsText) and self.type.is_name
            values = [_plain(each) for each in other] if is_name else map(_as_text, other)
            return op(cast(self.expr, Text()), *values, **options)

        def reverse_operate(self, op: Any, other: Any, **options: Any) -> Any:
            return op(_as_text(other), cast(self.expr, Text()), **options)

    comparator_factory = Comparator


def _plain(operand: Any) -> Any:
    """Return a parameter as text: PostgreSQL refuses the name of nothing as a value of the type."""
    if isinstance(operand, list):
        return [_plain(each) for each in operand]
    return type_coerce(operand, Text()) if isinstance(operand, BindParameter) else _as_text(operand)


def _as_text(operand: Any) -> Any:
    is_column = isinstance(operand, ColumnElement) and isinstance(operand.type, AsText)
    return cast(operand, Text()) if is_column else operand
