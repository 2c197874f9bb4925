"""CSV (RFC 4180): rows become lines, either here or by PostgreSQL's COPY.

A field is quoted where JSON has a string, and bare where it has a number, true or false. NULL is an empty
field without quotes; the empty string is ``""``. JSON and arrays are their JSON text. Nothing is altered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from debonair.descriptions.description import Column, Resource
from debonair.statements.rows import Convert, Layout, Row
from debonair.statements.wire import written_by_default

END = b"\r\n"

_ESCAPE = re.compile(rb"\\(u[0-9a-f]{4}|.)")
_CHARACTERS = {b'"': b'""', b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Field:
    """A column of the file.

    :param header: its name, with the relations that lead to it. :param index: where it is in a row.
    :param convert: makes the value that JSON has of the driver's one; None when it is the same.
    :param quick: does the same in less time, or raises.
    """

    header: str
    index: int
    column: Column
    convert: Convert | None
    quick: Convert | None = None


def fields_of(layout: Layout, resource: Resource, dialect: Dialect, prefix: str = "") -> Iterator[Field]:
    """Yield the columns of the file, those of embedded to-one relations as ``artist.name``."""
    converters = dict(layout.converters)
    for index, name in enumerate(layout.names, layout.start):
        column, convert = resource.columns[name], converters.get(name)
        if column.kind.schema.get("type", "array") == "array":
            convert = _as_json(convert)
        yield Field(prefix + name, index, column, convert, _quick(column, dialect) if convert else None)
    for name, one, _ in layout.ones:
        yield from fields_of(one, resource.relations[name].target, dialect, f"{prefix}{name}.")


def _quick(column: Column, dialect: Dialect) -> Convert | None:
    type_ = column.type
    if dialect.name == "sqlite" and type(type_) is sa.Numeric and type_.asdecimal and type_.scale is not None:
        # With more digits a Decimal may be written with an exponent.
        return f"%.{type_.scale}f".__mod__ if type_.scale <= 6 else None
    if column.kind.dump is None and column.kind.schema.get("type") == "string":
        return type_.dialect_impl(dialect).result_processor(dialect, None)
    return None


def _as_json(convert: Convert | None) -> Convert:
    def written(value: Any) -> str:
        return orjson.dumps(convert(value) if convert else value, default=written_by_default).decode()

    return written


def header_of(fields: Sequence[Field]) -> bytes:
    """Return the first line."""
    return joined([tuple(field.header for field in fields)])


def writer(fields: Sequence[Field], width: int) -> Callable[[list[Row]], bytes]:
    """Return a function that makes the lines of rows.

    :param width: the number of values in a row.
    """
    indexes = [field.index for field in fields]
    pick = None if indexes == list(range(width)) else itemgetter(*indexes)
    converted = [(at, field) for at, field in enumerate(fields) if field.convert is not None]

    def lines(rows: list[Row]) -> bytes:
        columns: list[Any] = list(zip(*rows, strict=True))
        if pick is not None:
            columns = list(pick(columns)) if len(indexes) > 1 else [pick(columns)]
        nulls = [column.count(None) for column in columns]
        for at, field in converted:
            columns[at] = _converted(field, columns[at], nulls[at])
        if pick is not None or converted:
            rows = list(zip(*columns, strict=True))
        return joined(rows, columns, sum(nulls))

    return lines


def _converted(field: Field, values: Any, nulls: int) -> list[Any]:
    if (quick := field.quick) is not None:
        try:
            found = (
                [None if value is None else quick(value) for value in values]
                if nulls
                else list(map(quick, values))
            )
            if "inf" not in found and "-inf" not in found:
                return found
        except (TypeError, ValueError, LookupError):
            pass  # SQLite has a value that is not of the column's type
    convert = field.convert
    assert convert is not None  # nosec B101
    return [None if value is None else convert(value) for value in values]


def joined(rows: list[Any], columns: Sequence[Sequence[Any]] = (), nulls: int = 0) -> bytes:
    """Return the lines of rows. What orjson writes is CSV but for null, escapes and the ends of the lines."""
    data = orjson.dumps(rows, default=written_by_default)
    bare = data.replace(b"null", b"")
    if len(data) - len(bare) != 4 * nulls:  # a text contains the word, or a float is not finite
        rows = list(zip(*[[_bare(value) for value in column] for column in columns], strict=True)) or rows
        bare = orjson.dumps(rows, default=written_by_default)
    lines = bare[2:-2].replace(b"],[", END)
    if len(bare) - 4 - len(lines) == len(rows) - 1:
        lines += END
    else:
        lines = b"".join([_line(row) for row in rows])
    if b"\\" not in lines:
        return lines
    if b"\\\\" not in lines and lines.count(b"\\") == lines.count(b'\\"'):
        return lines.replace(b'\\"', b'""')
    return _ESCAPE.sub(_character, lines)


_EMPTY = orjson.Fragment(b"")


def _bare(value: Any) -> Any:
    if value is None:
        return _EMPTY
    if isinstance(value, float) and not math.isfinite(value):
        return orjson.Fragment({"inf": b"Infinity", "-inf": b"-Infinity"}.get(repr(value), b"NaN"))
    return value


def _line(row: Any) -> bytes:
    cells = [_EMPTY if value is None else value for value in row]
    return orjson.dumps(cells, default=written_by_default)[1:-1] + END


def _character(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return _CHARACTERS.get(escape) or bytes([int(escape[1:], 16)])


_AS_IT_IS = (sa.Integer, sa.Numeric, sa.Float, sa.String, sa.Uuid)


def copied(expression: Any, column: Column) -> Any:
    """Return the SQL whose text in PostgreSQL's COPY is the value as JSON has it; None where it is not.

    Infinite dates and those before Christ are PostgreSQL's text, like in JSON. A fraction of a second has
    the digits that it needs.
    """
    type_ = column.type
    if isinstance(type_, sa.Enum):
        names = list(type_.enum_class.__members__) if type_.enum_class else type_.enums
        return expression if list(type_.enums) == list(names) else None
    if isinstance(type_, sa.types.TypeDecorator) or not _is_standard(type_):
        return None
    if isinstance(type_, sa.Boolean):
        return sa.cast(expression, sa.Text)
    if isinstance(type_, sa.DateTime | sa.Date):
        return sa.func.to_json(expression).op("#>>")(sa.literal_column("'{}'"))
    if isinstance(type_, sa.LargeBinary):
        text = sa.func.encode(expression, sa.literal_column("'base64'"))
        return sa.func.replace(text, sa.literal_column("E'\\n'"), sa.literal_column("''"))
    return expression if isinstance(type_, _AS_IT_IS) else None


def _is_standard(type_: Any) -> bool:
    """Return whether SQLAlchemy itself defines the type, so that no code of a service reads its values."""
    return type(type_).__module__.startswith("sqlalchemy.")


def quoted(column: Column) -> bool:
    """Return whether JSON has a string for the values of a column."""
    return column.kind.schema.get("type") == "string"
