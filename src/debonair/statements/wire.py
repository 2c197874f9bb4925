"""How a database puts rows of an embedded relation into one JSON value, and how that is read, exactly.

PostgreSQL writes integers, strings, Booleans and JSON exactly; every other type travels as text. SQLite has
types by value, prints 15 digits of a float, and has no JSON for a BLOB: both travel as a tagged array.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from debonair.database import postgresql
from debonair.descriptions.kinds import Kind

CHUNK = 50
"""Columns in one call of a JSON function: SQLite takes 127 arguments, PostgreSQL 100."""

Convert = Callable[[Any], Any]


def written(column: Any, kind: Kind, backend: str) -> Any:
    """Return the SQL expression that puts a column into a JSON array."""
    if backend == "sqlite":
        return sa.case(
            (sa.func.typeof(column) == sa.literal_column("'real'"),
             sa.func.json_array(sa.literal_column("'f'"), sa.func.printf(sa.literal_column("'%!.20g'"),
             column))),
            (sa.func.typeof(column) == sa.literal_column("'blob'"),
             sa.func.json_array(sa.literal_column("'b'"), sa.func.hex(column))),
            else_=column,
        )  # fmt: skip
    if isinstance(column.type, sa.LargeBinary):
        return sa.func.encode(column, sa.literal_column("'hex'"))
    if isinstance(column.type, sa.ARRAY):
        return column if kind.from_text is None else sa.cast(column, sa.ARRAY(sa.Text))
    return column if kind.from_text is None else as_text(column)


def selected(column: Any, kind: Kind) -> Any:
    """Return the SQL expression that selects a column."""
    if not kind.as_text:
        return column
    return sa.func.to_json(column) if isinstance(column.type, sa.ARRAY) else as_text(column)


def as_text(column: Any) -> Any:
    """Return PostgreSQL's text of a column."""
    # The cast of a single address adds the size of its network.
    return sa.func.abbrev(column) if postgresql.is_type(column.type, "INET") else sa.cast(column, sa.Text)


class Size(int):
    """The size of a binary value, in bytes."""


class PlainText(str):
    """Text that SQLite has in a binary column."""

    __slots__ = ()


def size(column: Any, backend: str) -> Any:
    """Return the SQL expression for the size of a binary column, from which :func:`as_size` makes a Size.

    SQLite may have another value there, which is selected itself: an integer as text, to tell it from a size.
    """
    if backend != "sqlite":
        return sa.func.octet_length(column, type_=sa.Integer)
    stored = sa.func.typeof(column)
    return sa.case(
        (stored == sa.literal_column("'blob'"), sa.func.length(column, type_=sa.Integer)),
        (stored == sa.literal_column("'integer'"), sa.cast(column, sa.Text)),
        else_=column,
    )


def as_size(value: Any) -> Any:
    """Return the Size that :func:`size` selected, or the other value."""
    if isinstance(value, str):
        return PlainText(value)
    return Size(value) if type(value) is int else value


def nested(column: Any, backend: str) -> Any:
    """Return the SQL expression that puts the JSON of a nested list into a JSON array."""
    return sa.func.json(column) if backend == "sqlite" else column


def array_of_rows(columns: list[Any], backend: str) -> Any:
    """Return the aggregate of rows as a JSON array of arrays of chunks."""
    make = sa.func.json_array if backend == "sqlite" else sa.func.json_build_array
    chunks = [make(*columns[start : start + CHUNK]) for start in range(0, len(columns), CHUNK)]
    row = make(*chunks)
    return sa.func.json_group_array(row) if backend == "sqlite" else sa.func.json_agg(row)


def read(kind: Kind, backend: str) -> Convert | None:
    """Return what makes the driver's value of a value in the JSON array; None when it is the same."""
    return _untagged if backend == "sqlite" else kind.from_text


def _untagged(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    tag, text = value
    return float(text) if tag == "f" else bytes.fromhex(text)


def converter(
    kind: Kind, type_: sa.types.TypeEngine[Any], dialect: Dialect, embedded: bool
) -> Convert | None:
    """Return what makes the value that orjson writes of the driver's value; None when it is the same.

    :param embedded: whether the value comes out of the JSON of an embedded relation.
    """
    if kind.as_text:
        return None
    column_type = _postgresql_type(type_) if dialect.name == "postgresql" else None
    process = type_.dialect_impl(dialect).result_processor(dialect, column_type)
    steps = [read(kind, dialect.name) if embedded else None, _lenient(process), kind.dump]
    return _composed([step for step in steps if step is not None])


def _postgresql_type(type_: Any) -> int | None:
    """Return PostgreSQL's number of a numeric type, by which the dialect chooses what to do."""
    if isinstance(type_, sa.types.TypeDecorator):
        return _postgresql_type(type_.impl_instance)
    if isinstance(type_, sa.ARRAY):
        return _postgresql_type(type_.item_type)
    if isinstance(type_, sa.Float):
        return 701
    return 1700 if isinstance(type_, sa.Numeric) else None


def _lenient(process: Convert | None) -> Convert | None:
    """Return a processor that leaves a value which is not of its type, as SQLite may store, as it is."""
    if process is None:
        return None

    def convert(value: Any) -> Any:
        try:
            return process(value)
        except (TypeError, ValueError, LookupError):
            return value

    return convert


def _composed(steps: list[Convert]) -> Convert | None:
    if len(steps) < 2:
        return steps[0] if steps else None
    if len(steps) == 2:
        first, second = steps

        def both(value: Any) -> Any:
            value = first(value)
            return None if value is None else second(value)

        return both

    def every(value: Any) -> Any:
        for step in steps:
            if value is not None:
                value = step(value)
        return value

    return every


def written_by_default(value: Any) -> Any:
    """Return what orjson writes of a value that it does not know."""
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def without_nan(value: Any) -> Any:
    """Return a value of JSON in which the floats that JSON has not are null."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
