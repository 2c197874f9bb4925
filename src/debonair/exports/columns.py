"""The values of a batch of rows, converted by columns: several times as fast as value by value.

A conversion of a whole column needs values that are all of the column's type. SQLite may store others: then
each value of that column is converted by itself, as for a page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from debonair.descriptions.description import Column
from debonair.statements.rows import Convert

Quick = Callable[[Sequence[Any]], Sequence[Any] | None]
"""Converts values, none of them None; returns None, or raises an error of the type, when it cannot."""


def quick_of(column: Column, dialect: Dialect) -> Quick | None:
    """Return the conversion of a whole column whose values are converted; None when there is none."""
    type_ = column.type
    if (read_column := getattr(type_, "read_column", None)) is not None:  # a type of debonair.reflection
        found: Quick = read_column
        return found
    if dialect.name == "sqlite" and type(type_) is sa.Numeric and type_.asdecimal and type_.scale is not None:
        # With more digits a Decimal may be written with an exponent.
        return _decimals_of(type_.scale) if type_.scale <= 6 else None
    if column.kind.dump is None and column.kind.schema.get("type") == "string":
        process = type_.dialect_impl(dialect).result_processor(dialect, None)
        return None if process is None else lambda values: list(map(process, values))
    return None


def converted(
    values: Sequence[Any], convert: Convert, quick: Quick | None, null: Any = None
) -> Sequence[Any]:
    """Return the values of a column as orjson writes them.

    :param null: what stands for None in the result.
    """
    has_nulls = None in values
    filled = [value for value in values if value is not None] if has_nulls else values
    if quick is not None and filled:
        try:
            found = quick(filled)
        except (TypeError, ValueError, LookupError):
            found = None
        if found is not None:
            if not has_nulls:
                return found
            following = iter(found).__next__
            return [null if value is None else following() for value in values]
    return [null if value is None else convert(value) for value in values]


def _decimals_of(scale: int) -> Quick:
    """Return what SQLAlchemy reads as a decimal number of SQLite, with a fixed number of digits."""
    one = f"%.{scale}f"

    def convert(values: Sequence[Any]) -> list[str] | None:
        text = ",".join([one] * len(values)) % tuple(values)
        return None if "n" in text else text.split(",")  # inf

    return convert
