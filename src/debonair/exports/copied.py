"""NDJSON out of the values that PostgreSQL's COPY sends as text: several times as fast as out of rows.

As text of COPY, values are split by a character, and already escaped as in JSON, but for quotes and rare
control characters. So a part of many rows becomes JSON by a few operations on all of it and on its columns,
and never on one row. The server meanwhile writes the next part.

Every value is what a page has. A column of another type makes the whole export go by rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa

from debonair.database import postgresql
from debonair.descriptions.description import Column, Resource
from debonair.exports import delimited
from debonair.statements.rows import Layout

OPTIONS = "FORMAT text, NULL E'\\b', ENCODING 'UTF8'"
"""The options of COPY.

A tab is between two values, and a backspace stands for NULL. No text has them: there, they are escaped.
"""

NULL = "\b"

Texts = list[str]
"""The texts of a column in a part; those of a converted one are JSON but for the quotes."""

_ESCAPE = re.compile(rb"\\(.)")
_CONTROLS = bytes(sorted(set(range(0x20)) - set(b"\b\t\n")))
_CONTROL = re.compile(b"[%b]" % re.escape(_CONTROLS))


@dataclass(frozen=True)
class Member:
    """A column of an object.

    :param key: its name in JSON, with the colon. :param index: where it is in a row.
    :param quoted: whether JSON has a string. :param convert: makes JSON of texts; NULL remains or is null.
    """

    key: str
    index: int
    quoted: bool
    convert: Callable[[Texts], Texts] | None


@dataclass(frozen=True)
class Object:
    """The members of an object, and the embedded ones: key, object, and index of a column that tells NULL."""

    members: list[Member]
    ones: list[tuple[str, Object, int]]


def expressions(columns: list[Any], layout: Layout, resource: Resource) -> list[Any] | None:
    """Return the SQL by which COPY sends the columns of a row; None when a value needs Python."""
    if not _is_flat(layout):
        return None
    found = list(columns)
    for index, column in _columns(layout, resource):
        found[index] = copied(found[index], column)
    if any(expression is None for expression in found):
        return None
    return [expression.label(f"c{at}") for at, expression in enumerate(found)]


def _columns(layout: Layout, resource: Resource) -> Iterator[tuple[int, Column]]:
    for index, name in enumerate(layout.names, layout.start):
        yield index, resource.columns[name]
    for name, one, _ in layout.ones:
        yield from _columns(one, resource.relations[name].target)


def _is_flat(layout: Layout) -> bool:
    """Return whether no object has a list of embedded rows, and each has a member."""
    members = layout.names or layout.ones
    return bool(members) and not layout.manys and all(_is_flat(one) for _, one, _ in layout.ones)


def copied(expression: Any, column: Column) -> Any:
    """Return the SQL whose text in COPY is that of a column, to be converted; None where there is none."""
    type_ = _inner(column.type)
    if column.kind.as_text and not isinstance(type_, sa.ARRAY):
        return expression
    if not type(type_).__module__.startswith("sqlalchemy.") or isinstance(type_, sa.types.TypeDecorator):
        return None
    if isinstance(type_, sa.Enum | sa.Boolean | sa.LargeBinary):
        return delimited.copied(expression, column)
    if isinstance(type_, sa.Float):
        return None if type_.asdecimal else expression
    if isinstance(type_, sa.Numeric):
        return expression if type_.asdecimal else None
    if isinstance(type_, sa.Uuid):
        return expression if type_.native_uuid else None
    if isinstance(type_, sa.Time):
        return None if type_.timezone else expression
    return expression if isinstance(type_, sa.Integer | sa.String | sa.Date | sa.DateTime) else None


def _inner(type_: Any) -> Any:
    while postgresql.is_type(type_, "DOMAIN"):
        type_ = type_.data_type
    return type_


def object_of(layout: Layout, resource: Resource) -> Object:
    """Return the object of a row."""
    members = []
    for index, name in enumerate(layout.names, layout.start):
        column = resource.columns[name]
        quoted = delimited.quoted(column)
        members.append(Member(_key(name), index, quoted, _conversion(_inner(column.type))))
    ones = [
        (_key(name), object_of(one, resource.relations[name].target), present)
        for name, one, present in layout.ones
    ]
    return Object(members, ones)


def _key(name: str) -> str:
    return f"{orjson.dumps(name).decode()}:"


def _conversion(type_: Any) -> Callable[[Texts], Texts] | None:
    if isinstance(type_, sa.Float):
        return _floats
    if isinstance(type_, sa.Numeric):
        return None if type_.scale is not None and type_.scale <= 6 else _decimals
    if isinstance(type_, sa.DateTime):
        return _moments_with_zone if type_.timezone else _moments
    return _times if isinstance(type_, sa.Time) else None


def writer(shape: Object, width: int) -> Callable[[bytearray], bytes]:
    """Return a function that makes lines of JSON of COPY's lines. :param width: values in a row."""

    def lines(rows: bytearray) -> bytes:
        values = _values(rows)
        columns = [values[at::width] for at in range(width)]
        # The values that are still NULL are no strings.
        return f"{_objects(shape, columns)}\n".replace(NULL, "null").encode()

    return lines


def _values(data: bytes | bytearray) -> Texts:
    """Return the values of all rows, escaped for JSON."""
    if b"\\" in data and b"\\v" in data:  # Every other escape of COPY is one of JSON.
        data = _ESCAPE.sub(_as_json_has_it, data)
    if len(data.translate(None, _CONTROLS)) != len(data):
        data = _CONTROL.sub(lambda found: b"\\u%04x" % found[0][0], data)
    if b'"' in data:
        data = data.replace(b'"', b'\\"')
    # A str is split and joined in less time than bytes are.
    return data[:-1].replace(b"\n", b"\t").decode(errors="replace").split("\t")


def _as_json_has_it(found: re.Match[bytes]) -> bytes:
    return b"\\u000b" if found[1] == b"v" else found[0]


def _objects(shape: Object, columns: list[Texts]) -> str:
    """Return the objects of all rows, one in a line."""
    before, pieces = "{", []
    for member in shape.members:
        texts, quoted = columns[member.index], member.quoted
        if member.convert is not None:
            texts = member.convert(texts)
        if quoted and NULL in texts:
            quoted, texts = False, [text if text == NULL else f'"{text}"' for text in texts]
        pieces.append((f'{before}{member.key}"' if quoted else f"{before}{member.key}", texts))
        before = '",' if quoted else ","
    for key, one, present in shape.ones:
        texts = _objects(one, columns).split("\n")
        if NULL in (presence := columns[present]):
            texts = [NULL if at == NULL else text for at, text in zip(presence, texts, strict=True)]
        pieces.append((before + key, texts))
        before = ","
    return _joined(pieces, '"}' if before == '",' else "}")


def _joined(pieces: list[tuple[str, Texts]], end: str) -> str:
    """Return the lines, each of which has every constant with its text in turn, and the end."""
    rows, step = len(pieces[0][1]), 2 * len(pieces)
    first = pieces[0][0]
    found = [""] * (step * rows)
    for at, (constant, texts) in enumerate(pieces):
        found[2 * at :: step] = [constant if at else f"{end}\n{first}"] * rows
        found[2 * at + 1 :: step] = texts
    found[0] = first
    return "".join(found) + end


def _floats(texts: Texts) -> Texts:
    return [text if "." in text else text if text == NULL else _float(text) for text in texts]


def _float(text: str) -> str:
    # A whole number has ".0"; what is not finite is null.
    return orjson.dumps(float(text)).decode()


def _decimals(texts: Texts) -> Texts:
    # Python writes numbers that are less than 0.000001 with an exponent.
    if not any("0.000000" in text for text in texts):
        return texts
    return [str(Decimal(text)) if "0.000000" in text else text for text in texts]


def _moments(texts: Texts) -> Texts:
    joined = "\t".join(texts)
    if len(joined) + 1 == 20 * len(texts) and "n" not in joined and NULL not in joined:
        # None is infinite or NULL, and so none is longer than a moment without a fraction.
        return joined.replace(" ", "T").split("\t")
    return [_moment(text) for text in texts]


def _moment(text: str) -> str:
    """Return ISO 8601, as Python writes it; what Python does not have is PostgreSQL's text."""
    if text[4:5] != "-" or not 19 <= len(text) <= 26 or text[-1] == "C":
        return text
    return f"{text[:10]}T{_time(text[11:])}"


def _moments_with_zone(texts: Texts) -> Texts:
    return [text if text == NULL else _moment_with_zone(text) for text in texts]


def _moment_with_zone(text: str) -> str:
    usual = text[4:5] == "-" and text[19:20] in (".", "+", "-") and text[-3] in "+-"
    # In UTC, a moment of another year may be one that Python does not have.
    if usual and "0001" < text[:4] < "9999":
        return f"{text[:10]}T{_time(text[11:-3])}{text[-3:]}:00"
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return moment.isoformat()


def _times(texts: Texts) -> Texts:
    return [_time(text) for text in texts]


def _time(text: str) -> str:
    """Return a time of the day, whose fraction has six digits."""
    return text.ljust(15, "0") if len(text) > 8 else text
