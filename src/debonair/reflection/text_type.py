"""The type for columns of PostgreSQL that have no type in Python."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, type_coerce, types
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import TypeDecorator, UserDefinedType


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
