"""CSV (RFC 4180): rows become lines, either here or by PostgreSQL's COPY.

A field is quoted where JSON has a string, and bare where it has a number, true or false. NULL is an empty
field without quotes; the empty string is ``""``. JSON and arrays are their JSON text. Nothing is altered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from debonair.descriptions.description import Column, Resource
from debonair.exports.columns import Quick, converted, quick_of
from debonair.statements.reading import written
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
    :param quick: does the same for a whole column.
    """

    header: str
    index: int
    column: Column
    convert: Convert | None
    quick: Quick | None = None


def fields_of(layout: Layout, resource: Resource, dialect: Dialect, prefix: str = "") -> Iterator[Field]:
    """Yield the columns of the file, those of embedded to-one relations as ``artist.name``."""
    converters = dict(layout.converters)
    for index, name in enumerate(layout.names, layout.start):
        column, convert = resource.columns[name], converters.get(name)
        if column.kind.schema.get("type", "array") == "array":
            convert = _as_json(convert)
        yield Field(prefix + name, index, column, convert, quick_of(column, dialect) if convert else None)
    for name, one, _ in layout.ones:
        yield from fields_of(one, resource.relations[name].target, dialect, f"{prefix}{name}.")


def _as_json(convert: Convert | None) -> Convert:
    return lambda value: written(convert(value) if convert else value).decode()


def header_of(fields: Sequence[Field]) -> bytes:
    """Return the first line."""
    return joined([tuple(field.header for field in fields)])


_EMPTY = orjson.Fragment(b"")


def writer(fields: Sequence[Field], width: int) -> Callable[[list[Row]], bytes]:
    """Return a function that makes the lines of rows.

    :param width: the number of values in a row.
    """
    indexes = [field.index for field in fields]
    if indexes == list(range(width)) and not any(field.convert for field in fields):
        return joined

    def lines(rows: list[Row]) -> bytes:
        found = list(zip(*rows, strict=True))
        columns = [_column(field, found[field.index]) for field in fields]
        return joined(list(zip(*columns, strict=True)))

    return lines


def _column(field: Field, values: Sequence[Any]) -> Sequence[Any]:
    if field.convert is not None:
        return converted(values, field.convert, field.quick, _EMPTY)
    return [_EMPTY if value is None else value for value in values] if None in values else values


def joined(rows: Sequence[Row]) -> bytes:
    """Return the lines of rows. What orjson writes is CSV but for null, escapes and the ends of the lines."""
    data = orjson.dumps(rows, default=written_by_default)
    if b"null" in data:  # None, a float that is not finite, or part of a text
        data = orjson.dumps([[_bare(value) for value in row] for row in rows], default=written_by_default)
    lines = data[2:-2].replace(b"],[", END) + END
    if len(data) - len(lines) != len(rows) + 1:  # a text contains "],["
        lines = b"".join([_line(row) for row in rows])
    if b"\\" not in lines:
        return lines
    # Of every other escape a backslash remains.
    quotes_only = lines.replace(b'\\"', b'""')
    return _ESCAPE.sub(_character, lines) if b"\\" in quotes_only else quotes_only


def _bare(value: Any) -> Any:
    if value is None:
        return _EMPTY
    if isinstance(value, float) and not math.isfinite(value):
        return orjson.Fragment({"inf": b"Infinity", "-inf": b"-Infinity"}.get(repr(value), b"NaN"))
    return value


def _line(row: Row) -> bytes:
    return orjson.dumps([_bare(value) for value in row], default=written_by_default)[1:-1] + END


def _character(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return _CHARACTERS.get(escape) or bytes([int(escape[1:], 16)])


_AS_IT_IS = (sa.Integer, sa.Numeric, sa.Float, sa.String, sa.Uuid, sa.Date)


def copy_of(columns: list[Any], fields: list[Field]) -> tuple[list[Any], str] | None:
    """Return the columns and the options of COPY; None when a value needs Python."""
    found = [copied(columns[field.index], field.column) for field in fields]
    if any(expression is None for expression in found):
        return None
    labelled = [expression.label(f"c{at}") for at, expression in enumerate(found)]
    forced = [f"c{at}" for at, field in enumerate(fields) if quoted(field.column)]
    options = "FORMAT csv" + (f", FORCE_QUOTE ({', '.join(forced)})" if forced else "")
    return labelled, options


def copied(expression: Any, column: Column) -> Any:
    """Return the SQL whose text in PostgreSQL's COPY is the value as JSON has it; None where it is not.

    Dates that Python does not have are PostgreSQL's text, like in JSON; the style of dates must be ISO. A
    fraction of a second has the digits that it needs.
    """
    type_ = column.type
    if isinstance(type_, sa.Enum):
        names = list(type_.enum_class.__members__) if type_.enum_class else type_.enums
        return expression if list(type_.enums) == list(names) else None
    if isinstance(type_, sa.types.TypeDecorator) or not _is_standard(type_):
        return None
    if isinstance(type_, sa.Uuid) and not type_.native_uuid:
        return None
    if isinstance(type_, sa.Boolean):
        return sa.cast(expression, sa.Text)
    if isinstance(type_, sa.DateTime):
        return _moment(expression) if not type_.timezone else _moment_with_zone(expression)
    if isinstance(type_, sa.LargeBinary):
        text = sa.func.encode(expression, sa.literal_column("'base64'"))
        return sa.func.replace(text, sa.literal_column("E'\\n'"), sa.literal_column("''"))
    return expression if isinstance(type_, _AS_IT_IS) else None


def _moment(expression: Any) -> Any:
    # to_json takes three times as long.
    text = sa.cast(expression, sa.Text)
    in_python = expression.between(
        sa.literal_column("timestamp '0001-01-01'"),
        sa.literal_column("timestamp '9999-12-31 23:59:59.999999'"),
    )
    iso = sa.func.replace(text, sa.literal_column("' '"), sa.literal_column("'T'"))
    return sa.case((in_python, iso), else_=text)


def _moment_with_zone(expression: Any) -> Any:
    return sa.func.to_json(expression).op("#>>")(sa.literal_column("'{}'"))


def _is_standard(type_: Any) -> bool:
    """Return whether SQLAlchemy itself defines the type, so that no code of a service reads its values."""
    return type(type_).__module__.startswith("sqlalchemy.")


def quoted(column: Column) -> bool:
    """Return whether JSON has a string for the values of a column."""
    return column.kind.schema.get("type") == "string"
